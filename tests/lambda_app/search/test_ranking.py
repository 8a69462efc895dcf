import numpy as np
import pytest

from lambda_app.search.building.choice import build_index
from lambda_app.search.ranking import ranked, ranked_by_query
from lambda_app.search.vector_file import VectorFile, open_vectors
from lambda_app.search.vectors import unit


@pytest.fixture(scope="module", params=["flat", "ivf-float16", "ivf-int8"])
def file(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> VectorFile:
    path = tmp_path_factory.mktemp("ranking") / "index.faiss"
    vectors = unit(np.random.default_rng(5).standard_normal((900, 24)).astype(np.float32))
    build_index(np.concatenate([vectors, vectors[:100]]), request.param, path, seed=0)
    return open_vectors(path)


def _expected(file: VectorFile, query: np.ndarray, rows: np.ndarray) -> np.ndarray:
    return unit(file.stored.reconstruct_batch(rows)) @ query


@pytest.mark.parametrize("count", [1, 40, 700])
def test_candidates_are_ranked_by_the_cosine_of_their_stored_vectors(file: VectorFile, count: int):
    rng = np.random.default_rng(count)
    query = unit(rng.standard_normal((1, 24)))[0]
    candidates = rng.permutation(900)[:count]
    rows, scores = ranked(file, query, candidates, 10)
    cosines = _expected(file, query, candidates)
    np.testing.assert_allclose(scores, np.sort(cosines)[::-1][:10], atol=1e-6)
    np.testing.assert_allclose(_expected(file, query, rows), scores, atol=1e-6)


def test_equal_vectors_keep_the_order_of_their_rows(file: VectorFile):
    query = unit(np.random.default_rng(1).standard_normal((1, 24)))[0]
    rows, scores = ranked(file, query, np.array([905, 7, 5, 907, -1]), 4)
    assert sorted(rows.tolist()) == [5, 7, 905, 907]
    assert rows.tolist().index(5) + 1 == rows.tolist().index(905)
    assert rows.tolist().index(7) + 1 == rows.tolist().index(907)
    assert scores[0] == scores[1]


def test_missing_candidates_leave_places_empty(file: VectorFile):
    queries = unit(np.random.default_rng(2).standard_normal((2, 24)))
    found = ranked_by_query(file, queries, np.array([[3, -1, -1], [4, 5, -1]]), 2)
    assert found.rows[0].tolist() == [3, -1]
    assert sorted(found.rows[1].tolist()) == [4, 5]
    assert found.scores[0, 1] == -np.inf
    alone = ranked_by_query(file, queries[:1], np.full((1, 3), -1), 2)
    assert alone.rows.tolist() == [[-1, -1]]
