"""Compares every figure with a simple and slow computation."""

import numpy as np
import pytest

from lambda_app.search.vectors import unit
from training.metrics import retrieval


@pytest.fixture(scope="module")
def catalogue():
    """40 vectors: 12 products of two photos, 4 of three, 4 of one; 4 categories."""
    rng = np.random.default_rng(1)
    products = np.concatenate([np.repeat(np.arange(12), 2), np.repeat(np.arange(12, 16), 3), np.arange(16, 20)])
    vectors = unit(rng.normal(size=(20, 8))[products] + 0.9 * rng.normal(size=(len(products), 8)))
    return vectors, products, products % 4


def ranking(vectors, query):
    order = np.argsort(-(vectors @ vectors[query]), kind="stable")
    return [int(row) for row in order if row != query]


def test_classification_matches_counts_made_by_hand(scored):
    logits, labels = scored
    names = list("abcde")
    found = retrieval.classification(logits, labels, names)
    predicted = [int(np.argmax(row)) for row in logits]
    pairs = list(zip(labels.tolist(), predicted, strict=True))
    assert found["n"] == 60
    assert found["accuracy"] == sum(a == b for a, b in pairs) / 60
    in_first_3 = [
        label in sorted(range(5), key=lambda c: -row[c])[:3] for row, label in zip(logits, labels, strict=True)
    ]
    assert found["top3"] == sum(in_first_3) / 60
    f1 = []
    for c, name in enumerate(names):
        hits = sum(a == b == c for a, b in pairs)
        precision = hits / sum(b == c for _, b in pairs)
        recall = hits / sum(a == c for a, _ in pairs)
        f1.append(2 * precision * recall / (precision + recall))
        own = found["per_category"][name]
        assert (own["precision"], own["recall"]) == pytest.approx((precision, recall))
        assert own["f1"] == pytest.approx(f1[-1])
        assert own["count"] == sum(a == c for a, _ in pairs)
    assert found["macro_f1"] == pytest.approx(np.mean(f1))
    assert found["confusion"] == [[pairs.count((a, b)) for b in range(5)] for a in range(5)]


def test_macro_f1_ignores_categories_that_do_not_occur():
    logits = np.eye(3, dtype=np.float32)[[0, 1]]
    found = retrieval.classification(logits, np.array([0, 1]), ["a", "b", "new"])
    assert found["macro_f1"] == 1.0
    assert found["per_category"]["new"] == {"precision": 0.0, "recall": 0.0, "f1": 0.0, "count": 0}


def test_an_empty_split_has_no_figures():
    found = retrieval.classification(np.empty((0, 2), np.float32), np.empty(0, np.int64), ["a", "b"])
    assert found["n"] == 0
    assert found["accuracy"] is found["top3"] is found["macro_f1"] is None
    assert found["confusion"] == [[0, 0], [0, 0]]


def test_retrieval_matches_ranking_one_query_at_a_time(catalogue):
    vectors, products, categories = catalogue
    test = np.arange(0, len(products), 2)
    found = retrieval.retrieval(vectors, products, categories, test)
    queries = [q for q in test if (products == products[q]).sum() > 1]
    assert found["n"] == len(queries)
    for k in (1, 4, 10):
        hits = [any(products[row] == products[q] for row in ranking(vectors, q)[:k]) for q in queries]
        assert found[f"recall@{k}"] == pytest.approx(np.mean(hits))
        same = [np.mean([categories[row] == categories[q] for row in ranking(vectors, q)[:k]]) for q in queries]
        assert found[f"category_precision@{k}"] == pytest.approx(np.mean(same))
    averages = []
    for q in queries:
        relevant = int((products == products[q]).sum()) - 1
        hits = [products[row] == products[q] for row in ranking(vectors, q)[:relevant]]
        averages.append(sum(float(np.mean(hits[: i + 1])) for i in range(relevant) if hits[i]) / relevant)
    assert found["map@r"] == pytest.approx(np.mean(averages))


def plain_ranking(vectors: list[list[float]], query: int) -> list[int]:
    """The other rows, nearest first, without numpy."""
    scores = [sum(a * b for a, b in zip(vectors[query], other, strict=True)) for other in vectors]
    return sorted((row for row in range(len(vectors)) if row != query), key=lambda row: (-scores[row], row))


@pytest.mark.parametrize("k", range(1, 11))
def test_recall_at_every_k_matches_a_count_in_plain_python(catalogue, monkeypatch, k: int):
    vectors, products, categories = catalogue
    monkeypatch.setattr(retrieval, "RANKS", (k,))
    queries = list(range(36))  # all photos whose product has another photo
    found = retrieval.retrieval(vectors, products, categories, np.array(queries))
    hits = 0
    for query in queries:
        first = plain_ranking(vectors.tolist(), query)[:k]
        hits += any(products[row] == products[query] for row in first)
    assert found[f"recall@{k}"] == pytest.approx(hits / len(queries), abs=1e-12)


@pytest.mark.parametrize("k", range(1, 11))
def test_rank_k_counts_and_rank_k_plus_1_does_not(monkeypatch, k: int):
    monkeypatch.setattr(retrieval, "RANKS", (k,))
    place = np.arange(12)  # query i finds the other photo of its product only at rank i + 1
    rows = np.tile(np.arange(12), (12, 1))
    ranking = retrieval.Ranking(
        place, rows, rows == place[:, None], rows == place[:, None], np.ones(12, np.int64), True
    )
    figures = retrieval.per_query(ranking)
    recall, precision = figures[f"recall@{k}"], figures[f"category_precision@{k}"]
    assert recall is not None
    assert precision is not None
    assert recall.tolist() == [1.0] * k + [0.0] * (12 - k)
    assert precision.tolist() == [1 / k] * k + [0.0] * (12 - k)


def test_map_at_r_of_products_with_many_photos_matches_its_definition():
    """Musgrave et al. 2020, section 3.2, in plain Python: R is larger than the largest k of recall."""
    rng = np.random.default_rng(3)
    sizes = [15, 15, 15, 15, 12, 2]
    products = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    vectors = unit(rng.normal(size=(len(sizes), 8))[products] + rng.normal(size=(len(products), 8)))
    averages = []
    for query in range(len(products)):
        relevant = sizes[products[query]] - 1
        found = plain_ranking(vectors.tolist(), query)[:relevant]
        right, total = 0, 0.0
        for rank, row in enumerate(found, start=1):
            if products[row] == products[query]:
                right += 1
                total += right / rank
        averages.append(total / relevant)
    queries = np.arange(len(products))
    assert max(sizes) - 1 > max(retrieval.RANKS)
    figures = retrieval.per_query(retrieval.rank(vectors, products, products % 2, queries))
    assert figures["map@r"] == pytest.approx(averages, abs=1e-12)
    assert 0.1 < np.mean(averages) < 0.9


@pytest.mark.parametrize("rows_a_block", [1, 3, 7])
def test_neighbours_do_not_depend_on_the_block_size(catalogue, rows_a_block):
    vectors, _, _ = catalogue
    queries = np.arange(len(vectors))
    found = retrieval.nearest(vectors, queries, 6, block_bytes=4 * len(vectors) * rows_a_block)
    assert found.tolist() == [ranking(vectors, query)[:6] for query in queries]


def test_without_a_product_of_two_photos_there_are_only_category_figures(catalogue):
    vectors, _, categories = catalogue
    found = retrieval.retrieval(vectors, np.arange(len(vectors)), categories, np.array([0, 5, 9]))
    assert found["n"] == 3
    assert found["recall@1"] is found["recall@4"] is found["recall@10"] is found["map@r"] is None
    same = [np.mean([categories[row] == categories[q] for row in ranking(vectors, q)[:4]]) for q in (0, 5, 9)]
    assert found["category_precision@4"] == pytest.approx(np.mean(same))


def test_retrieval_without_queries_has_no_figures(catalogue):
    vectors, products, categories = catalogue
    found = retrieval.retrieval(vectors, products, categories, np.array([36]))  # the only photo of its product
    assert found.pop("n") == 0
    assert found.keys() >= {"recall@1", "recall@4", "recall@10", "category_precision@4", "map@r"}
    assert set(found.values()) == {None}


def test_the_log_likelihood_matches_the_softmax():
    logits, labels = np.array([[2.0, 0.0], [0.0, 1.0]]), np.array([0, 0])
    expected = -(np.log(np.exp(2) / (np.exp(2) + 1)) + np.log(1 / (1 + np.e))) / 2
    assert retrieval.negative_log_likelihood(logits, labels) == pytest.approx(expected)


def test_the_loss_of_a_label_with_zero_probability_is_large_but_finite():
    loss = retrieval.negative_log_likelihood(np.array([[0.0, 1000.0]]), np.array([0]))
    assert loss == pytest.approx(300 * np.log(10))


def test_neighbours_of_equal_score_are_ordered_by_row():
    rng = np.random.default_rng(4)
    vectors = np.eye(6, dtype=np.float32)[rng.integers(0, 3, 200)]
    found = retrieval.nearest(vectors, np.arange(3), 199)
    assert found.tolist() == [ranking(vectors, query) for query in range(3)]


def test_a_bonus_of_the_category_is_added_to_the_cosine(catalogue):
    vectors, products, categories = catalogue
    odds = np.random.default_rng(2).dirichlet(np.ones(4), len(vectors)).astype(np.float32)
    asked: list[int] = []

    def bonuses(rows):
        asked.extend(rows.tolist())
        return 0.5 * odds[rows]

    ranked = retrieval.rank(vectors, products, categories, np.arange(len(vectors)), bonuses)
    assert asked == ranked.queries.tolist()
    for query, found in zip(ranked.queries, ranked.found, strict=True):
        keys = vectors @ vectors[query] + 0.5 * odds[query][categories]
        keys[query] = -np.inf
        assert found.tolist() == np.argsort(-keys, kind="stable")[: len(found)].tolist()
    plain = retrieval.rank(vectors, products, categories, np.arange(len(vectors)))
    assert (plain.found != ranked.found).any()


def test_a_bonus_does_not_depend_on_the_size_of_the_blocks(catalogue):
    vectors, _, categories = catalogue
    rows = np.arange(len(vectors))
    odds = np.random.default_rng(2).dirichlet(np.ones(4), len(vectors)).astype(np.float32)
    found = [
        retrieval.nearest(vectors, rows, 6, size, bonuses=lambda some: odds[some], categories=categories)
        for size in (1, 64 << 20)
    ]
    assert np.array_equal(found[0], found[1])
