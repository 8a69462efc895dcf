import numpy as np
import pytest

from lambda_app.release.catalog import Catalog, CatalogItem, write_catalog
from lambda_app.release.manifest import IndexEntry, file_entry
from lambda_app.release.reference import MOST_PHOTOS
from lambda_app.search.faiss_index import VectorIndex
from lambda_app.search.reference import derived, rederived
from lambda_app.search.vectors import unit
from tests.releases import write_index

DIM = 8
CENTROIDS = np.eye(3, DIM, dtype=np.float32)


@pytest.fixture
def catalogue(tmp_path):
    """Opens the index and the catalog of photos given as image id -> product, with random vectors by image id."""
    opened: list[Catalog] = []

    def make(products: dict[str, str]) -> tuple[VectorIndex, Catalog, np.ndarray]:
        folder = tmp_path / str(len(opened))
        folder.mkdir()
        seeds = (np.frombuffer(image_id.encode(), np.uint8) for image_id in products)
        vectors = unit(np.stack([np.random.default_rng(seed).normal(size=DIM) for seed in seeds]))
        write_index(folder / "index.faiss", vectors)
        entry = IndexEntry(count=len(vectors), **file_entry(folder / "index.faiss"))
        write_catalog(
            folder / "catalog.sqlite",
            (
                CatalogItem(image_id, product, "Sofas", None, None, None, f"datasets/d/{image_id}.jpg")
                for image_id, product in products.items()
            ),
        )
        opened.append(Catalog(folder / "catalog.sqlite"))
        return VectorIndex(folder / "index.faiss", entry), opened[-1], vectors

    yield make
    for catalog in opened:
        catalog.close()


PRODUCTS = {"a": "p", "b": "p", "c": "q", "d": "r", "e": "r"}


def test_each_photo_is_compared_with_all_other_photos(catalogue):
    index, catalog, vectors = catalogue(PRODUCTS)
    found = derived(index, catalog, [("e", 4), ("c", 2), ("b", 1)], CENTROIDS)
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -2)
    assert found is not None
    assert found.scores == pytest.approx(cosines.max(axis=1)[[4, 2, 1]], abs=1e-4)
    assert (found.photos, found.products, found.categories) == (("e", "c", "b"), (0, 1, 2), (4, 2, 1))
    assert found.cells == tuple((vectors[[4, 2, 1]] @ CENTROIDS.T).argmax(axis=1).tolist())
    assert found.known == (1, 0, 1)


def test_photos_of_one_product_have_its_number(catalogue):
    index, catalog, _ = catalogue(PRODUCTS)
    found = derived(index, catalog, [("d", 0), ("a", 0), ("e", 0)], CENTROIDS)
    assert found is not None
    assert found.products == (0, 1, 0)


def test_unknown_repeated_and_long_ids_are_left_out(catalogue):
    index, catalog, _ = catalogue({**PRODUCTS, "x" * 201: "s"})
    found = derived(index, catalog, [("a", 0), ("gone", 0), ("a", 1), ("x" * 201, 0), ("b", 0)], CENTROIDS)
    assert found is not None
    assert found.photos == ("a", "b")


def test_without_held_out_photos_or_with_a_single_photo_there_is_no_reference(catalogue):
    index, catalog, _ = catalogue(PRODUCTS)
    assert derived(index, catalog, [("gone", 0)], CENTROIDS) is None
    index, catalog, _ = catalogue({"a": "p"})
    assert derived(index, catalog, [("a", 0)], CENTROIDS) is None


def test_a_changed_catalogue_is_compared_by_its_own_items(catalogue):
    index, catalog, _ = catalogue(PRODUCTS)
    old = derived(index, catalog, [("a", 0), ("b", 1), ("d", 2)], CENTROIDS)
    assert old is not None
    index, catalog, vectors = catalogue({"b": "p", "d": "r", "e": "r", "f": "t", "g": "t"})
    new = rederived(old, index, catalog, [("f", 1), ("g", 0)])
    assert new is not None
    assert new.photos == ("b", "d", "f", "g")
    assert new.categories == (1, 2, 1, 0)
    assert new.known == (0, 1, 1, 1)
    assert new.centroids == old.centroids
    assert new.scores[0] == pytest.approx((vectors[0] @ vectors[1:].T).max(), abs=1e-4)


def test_an_unchanged_catalogue_has_an_unchanged_reference(catalogue):
    index, catalog, _ = catalogue(PRODUCTS)
    old = derived(index, catalog, [("a", 0), ("c", 1)], CENTROIDS)
    assert old is not None
    assert rederived(old, index, catalog) == old


def test_added_photos_get_their_share_of_the_reference(catalogue):
    names = [f"old-{number}" for number in range(MOST_PHOTOS)]
    index, catalog, _ = catalogue({name: name for name in names})
    old = derived(index, catalog, [(name, 0) for name in names], CENTROIDS)
    assert old is not None
    assert len(old.photos) == MOST_PHOTOS
    added = [f"new-{number}" for number in range(250)]
    index, catalog, _ = catalogue({name: name for name in [*names, *added]})
    new = rederived(old, index, catalog, [(name, 1) for name in added])
    assert new is not None
    assert len(new.photos) == MOST_PHOTOS
    assert sum(new.categories) == pytest.approx(200, abs=25)  # a fifth of the catalogue
    in_parts = old
    for start in range(0, 250, 25):
        in_parts = rederived(in_parts, index, catalog, [(name, 1) for name in added[start : start + 25]]) or old
    assert sum(in_parts.categories) == pytest.approx(200, abs=40)
