from operate.drift.wanted import wanted
from tests.operate.drift.photos import answer


def test_photos_below_the_limit_are_counted_in_all_and_by_category():
    log = [
        answer(category="Sofas", top_score=0.1, request_id="a"),
        answer(category="Sofas", top_score=0.8, request_id="b"),
        answer(category="Books", top_score=0.3, request_id="c"),
        answer(category="Books", top_score=0.2, request_id="d"),
        answer(category="Lamps", top_score=0.9, request_id="e"),
    ]
    everything, books, sofas = wanted(log, 0.4)
    assert (everything.category, everything.photos, everything.unlike) == (None, 5, 3)
    assert everything.examples == ("a", "d", "c")
    assert (books.category, books.photos, books.unlike, books.examples) == ("Books", 2, 2, ("d", "c"))
    assert (sofas.category, sofas.unlike, sofas.share) == ("Sofas", 1, 0.5)


def test_filtered_searches_and_answers_without_one_do_not_count():
    (everything,) = wanted([answer(top_score=0.1, filtered=True), answer(top_score=None)], 0.4)
    assert (everything.photos, everything.unlike, everything.share) == (0, 0, 0.0)


def test_a_few_examples_are_named():
    found = wanted([answer(top_score=0.1 + number / 100, request_id=str(number)) for number in range(9)], 0.4)
    assert found[0].examples == ("0", "1", "2")
