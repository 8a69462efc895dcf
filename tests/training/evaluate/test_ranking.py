import numpy as np
import pytest

from lambda_app.recommendation.finder import Finder
from lambda_app.recommendation.query import Selection, SimilarQuery
from lambda_app.release.catalog import Catalog, write_catalog
from lambda_app.search.building.choice import build_index
from lambda_app.search.faiss_index import VectorIndex
from lambda_app.search.local.engine import Segments
from lambda_app.search.vectors import softmax, unit
from training.evaluate.ranking import MOST_LOSS, WEIGHTS, best_weight, choose_weight, rank_by_category
from training.index.stage import catalog_items
from training.network.forward import Outputs

TEMPERATURE = 0.7


@pytest.fixture(scope="module")
def outputs(small_dataset):
    """Embeddings of products that are similar across categories, and logits that are mostly right."""
    rng = np.random.default_rng(0)
    n = len(small_dataset.photos)
    centres = rng.normal(size=(small_dataset.product.max() + 1, 8))
    embedding = unit(centres[small_dataset.product] + 0.5 * rng.normal(size=(n, 8)))
    logits = rng.normal(size=(n, len(small_dataset.categories))).astype(np.float32)
    logits[np.arange(n), small_dataset.category] += 4
    return Outputs(logits, embedding, embedding)


def measured(*rows):
    names = ("weight", "recall@1", "recall@4", "category_precision@10")
    return [dict(zip(names, row, strict=True)) for row in rows]


@pytest.mark.parametrize(
    ("rows", "best"),
    [
        # A loss above the limit in either recall rules a weight out.
        ([(0.0, 0.8, 0.9, 0.5), (0.1, 0.8, 0.9, 0.7), (0.2, 0.8, 0.89, 0.9)], 0.1),
        ([(0.0, 0.8, 0.9, 0.5), (0.1, 0.8, 0.9, 0.7), (0.2, 0.79, 0.9, 0.9)], 0.1),
        # The smallest that is nearly the best.
        ([(0.0, 0.8, 0.9, 0.5), (0.1, 0.8, 0.9, 0.896), (0.2, 0.8, 0.9, 0.9)], 0.1),
        ([(0.0, 0.8, 0.9, 0.5), (0.1, 0.8, 0.9, 0.894), (0.2, 0.8, 0.9, 0.9)], 0.2),
        # Nothing to gain.
        ([(0.0, 0.8, 0.9, 0.9), (0.1, 0.8, 0.9, 0.9), (0.2, 0.8, 0.9, 0.902)], 0.0),
        # Photos without products.
        ([(0.0, None, None, 0.5), (0.1, None, None, 0.7)], 0.1),
        ([(0.0, None, None, None), (0.1, None, None, None)], 0.0),
    ],
)
def test_the_weight_raises_the_category_and_keeps_the_recall(rows, best):
    assert best_weight(measured(*rows), 1000) == best


def test_a_loss_at_the_limit_is_allowed():
    assert best_weight(measured((0.0, 0.8, 0.9, 0.5), (0.1, 0.8 - MOST_LOSS, 0.9 - MOST_LOSS, 0.9)), 1000) == 0.1


@pytest.mark.parametrize(("lost", "best"), [(2, 0.1), (3, 0.0)])
def test_the_limit_is_rounded_up_to_whole_queries(lost, best):
    # 0.5 % of 392 queries are 1.96.
    assert best_weight(measured((0.0, 0.8, 0.9, 0.5), (0.1, 0.8 - lost / 392, 0.9, 0.9)), 392) == best


def test_a_weight_is_chosen_from_the_validation_photos(small_dataset, outputs):
    found = choose_weight(small_dataset, outputs, TEMPERATURE, fewest=1)
    entries = found["validation"]["weights"]
    assert [entry["weight"] for entry in entries] == list(WEIGHTS)
    assert found["category_weight"] == best_weight(entries, found["validation"]["n"])
    assert entries[-1]["category_precision@10"] > entries[0]["category_precision@10"]
    rows = small_dataset.rows("validation")
    photos_of = np.bincount(small_dataset.product)
    assert found["validation"]["n"] == sum(photos_of[small_dataset.product[rows]] > 1)


def test_few_photos_choose_no_weight(small_dataset, outputs):
    found = choose_weight(small_dataset, outputs, TEMPERATURE, most=20)
    assert found["validation"]["n"] <= 20
    assert found["category_weight"] == 0


def test_the_order_is_that_of_serving(small_dataset, outputs, tmp_path):
    """Without the query's own photo, which serving finds first or nearly so."""
    write_catalog(tmp_path / "catalog.sqlite", catalog_items(small_dataset, "sample"))
    entry = build_index(outputs.embedding, "flat", tmp_path / "index.faiss", seed=0)
    finder = Finder(
        Segments((VectorIndex(tmp_path / entry.file, entry),), (Catalog(tmp_path / "catalog.sqlite"),)).without((), ())
    )
    ranking = rank_by_category(small_dataset, outputs, small_dataset.rows("test"), TEMPERATURE, 0.3)
    assert len(ranking.queries)
    for query, found in zip(ranking.queries, ranking.found, strict=True):
        odds = softmax(outputs.logits[query], TEMPERATURE)
        bonuses = dict(zip(small_dataset.categories, (0.3 * odds).tolist(), strict=True))
        selection = Selection(SimilarQuery(k=10, distinct="image"), rows=frozenset([int(query)]))
        served = finder.ranked(outputs.embedding[query], selection, bonuses)
        assert [match.row for match in served] == found[:10].tolist()
