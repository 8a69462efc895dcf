from client.answers import Neighbour, PredictAnswer
from client.words import lines_of, price_of, score_of, title_of


def result(**fields) -> Neighbour:
    found = {"image_id": "1", "product_id": "p", "category": "Sofas", "title": "Red sofa", "price": 1200, "photo": "/"}
    return Neighbour.model_validate({**found, "score": 0.9126, "currency": "EUR", **fields})


def test_prices_have_their_currency():
    assert price_of(result()) == "1,200.00 EUR"
    assert price_of(result(currency=None)) == "1,200.00"
    assert price_of(result(price=None)) == "no price"


def test_titles_are_cut_and_never_empty():
    assert title_of(result(title="x" * 80)) == "x" * 39 + "…"
    assert title_of(result(title=" ")) == title_of(result(title=None)) == "untitled"
    assert title_of(result(title="a\x1b[2Jb")) == "a [2Jb"


def test_the_same_photo_is_marked():
    assert score_of(result(same_photo=True)) == "0.913 same photo"
    assert score_of(result(same_photo=False)) == score_of(result()) == "0.913"
    assert score_of(result(score=None)) == ""


def test_an_answer_without_listings_says_so():
    answer = PredictAnswer(
        category_index=0,
        category="Sofas",
        probabilities=[],
        features=[0.5],
        embedding=[1.0] * 7,
        similar_index=[],
        image_labels=[],
        results=[],
    )
    assert list(lines_of(answer))[-1] == "no similar listings"
    assert "embedding: 7 numbers: 1.0000 1.0000 1.0000 1.0000 1.0000 1.0000 ..." in lines_of(answer)
