import pytest

from lambda_app.api.messages.schemas import RecommendRequest, SearchParameters, TopParameters
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
