import numpy as np

from benchmarks.bench.neighbours.exact import exact_floor, recall_at_k
from lambda_app.release.row_set import RowSet


def test_recall_counts_any_row_with_a_high_enough_score():
    vectors = np.eye(20, dtype=np.float16)
    vectors[11] = vectors[0]
    query = vectors[:1].astype(np.float32)
    floor = exact_floor(vectors, query, None)
    assert floor.tolist() == [0.0]
    assert recall_at_k(vectors, query, np.array([[11, *range(1, 10)]]), floor) == 1.0
    allowed = RowSet.of_mask(np.isin(np.arange(20), [0, 11]))
    assert exact_floor(vectors, query, allowed).tolist() == [1.0]
    assert recall_at_k(vectors, query, np.array([[0, 5]]), np.array([1.0], np.float32)) == 0.5
