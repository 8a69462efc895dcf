import pytest

from lambda_app.api.messages.parameters import (
    PartParameters,
    PhotoParameters,
    RankParameters,
    RecommendRequest,
    SearchParameters,
    SimilarParameters,
    TopParameters,
    WordParameters,
)
from lambda_app.errors import QueryError
from lambda_app.photo.rules import WHOLE_PHOTO, PhotoPart
from lambda_app.recommendation.query import SimilarQuery
from lambda_app.release.catalog import CatalogFilter

ASKED = {"k": 7, "category": "Sofas", "min_price": 5, "max_price": 6, "min_score": 0.5, "distinct": "image"}


@pytest.mark.parametrize("asked", [SearchParameters(), RecommendRequest(liked=["003a"])])
def test_what_is_not_asked_is_the_default_of_a_search(asked: SearchParameters):
    assert asked.query(100) == SimilarQuery()


def test_a_default_never_exceeds_the_limit_and_what_is_asked_is_not_changed():
    assert SearchParameters().query(3).k == 3
    assert SearchParameters(k=4).query(3).k == 4
    assert TopParameters().wanted(3) == 3
    assert TopParameters(k=5).wanted(3) == 5
    assert TopParameters().wanted(100) == 5


@pytest.mark.parametrize(("model", "references"), [(SearchParameters, {}), (RecommendRequest, {"liked": ["003a"]})])
def test_every_parameter_reaches_the_search(model: type[SearchParameters], references: dict[str, list[str]]):
    assert set(ASKED) == set(SearchParameters.model_fields)
    query = model.model_validate({**ASKED, **references}).query(100)
    assert query == SimilarQuery(7, CatalogFilter("Sofas", 5, 6), 0.5, "image")


def test_the_order_is_a_parameter_of_searches_with_photos():
    assert RankParameters(rank="cosine", k=7).query(100) == SimilarQuery(7, rank="cosine")
    assert PhotoParameters().query(100).rank == "category"


def test_words_are_a_parameter_of_searches_by_picture_and_alone():
    assert WordParameters(q="red", k=7, distinct="image").query(100) == SimilarQuery(7, distinct="image", words="red")
    assert SimilarParameters(q="red", min_score=0.5).query(100) == SimilarQuery(min_score=0.5, words="red")
    assert PhotoParameters(q="red", rank="cosine").query(100) == SimilarQuery(rank="cosine", words="red")
    assert SimilarParameters().query(100).words == ""
    with pytest.raises(QueryError, match="q is empty"):
        WordParameters(q="").query(100)


def test_a_box_is_a_part_of_the_photo():
    assert PartParameters().part(4) == WHOLE_PHOTO
    assert PartParameters(box="0.25,0.1,0.5,0.45").part() == PhotoPart(0.25, 0.1, 0.5, 0.45)
    # The sum of two rounded numbers may be a little above 1.
    assert PartParameters(box="0.7999999999999999,0,0.2000000000000003,1").part().width > 0.2


def test_a_box_is_for_a_single_photo():
    with pytest.raises(QueryError, match=r"box is '0,0,0\.5,1', and the request has 3 photos; a box takes 1 photo"):
        PartParameters(box="0,0,0.5,1").part(3)
    assert PartParameters(box="0,0,1,1").part(3) == WHOLE_PHOTO
