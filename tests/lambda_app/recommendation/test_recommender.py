import gc
import shutil
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import onnx
import pytest
from onnx import helper

from lambda_app.errors import (
    NotSupportedError,
    PhotoTooLargeError,
    QueryError,
    ReleaseError,
    UndecodablePhotoError,
    UnknownItemError,
)
from lambda_app.model.session import Model
from lambda_app.photo.preprocessing import load_rgb, normalise
from lambda_app.photo.rules import Preprocessing
from lambda_app.recommendation.query import Match, SimilarQuery
from lambda_app.recommendation.recommender import DISLIKE_WEIGHT, Recommender, load
from lambda_app.release.catalog import CatalogFilter, CatalogItem, write_catalog
from lambda_app.release.manifest import Manifest, file_entry
from lambda_app.search.building.choice import build_index
from lambda_app.settings import Settings
from lambda_app.telemetry.timings import Timings
from tests.engines import engine_of, segments_of
from tests.lambda_app.conftest import BuiltRelease
from tests.releases import CATEGORIES, DIM, SIZE, build_release, embed, write_index, write_network

ALL = SimilarQuery(k=100, distinct="image")


def load_from(folder: Path, manifest: Manifest, **changes: Any) -> Recommender:
    return load(manifest, lambda entry: folder / entry.file, Settings(store="unused", threads=1, **changes))


@pytest.fixture(scope="module")
def recommender(built: BuiltRelease) -> Recommender:
    return load_from(built.folder, built.manifest)


@pytest.fixture(scope="module")
def vectors(built: BuiltRelease) -> np.ndarray:
    """float32 (40, d): the oracle's own copy of the index."""
    photos = [path.read_bytes() for path in sorted((built.folder / "photos").iterdir())]
    return embed(built.folder / "model.onnx", photos)


def ids(matches: list[Match]) -> list[str]:
    return [match.item.image_id for match in matches]


def test_an_analysis_agrees_with_the_network(recommender: Recommender, built: BuiltRelease, photo: bytes):
    timings = Timings()
    analysis = recommender.analyse(photo, timings)
    np.testing.assert_allclose(analysis.embedding, embed(built.folder / "model.onnx", [photo])[0], atol=1e-6)
    odds = np.exp(analysis.logits.astype(float))
    np.testing.assert_allclose(analysis.probabilities, odds / odds.sum(), atol=1e-6)
    assert recommender.top(analysis, 3) == np.argsort(-analysis.logits)[:3].tolist()
    assert len(recommender.top(analysis, 100)) == len(CATEGORIES)
    assert list(timings.parts) == ["decode", "forward"]


def test_a_temperature_softens_the_probabilities_only(built: BuiltRelease, photo: bytes, recommender: Recommender):
    model = built.manifest.model.model_copy(update={"temperature": 10.0})
    soft = load_from(built.folder, built.manifest.model_copy(update={"model": model})).analyse(photo)
    sharp = recommender.analyse(photo)
    assert soft.probabilities.max() < sharp.probabilities.max()
    assert soft.probabilities.sum() == pytest.approx(1)
    assert np.array_equal(soft.logits, sharp.logits)


def test_a_catalog_photo_finds_itself_first(recommender: Recommender, photo: bytes):
    matches = recommender.similar(recommender.analyse(photo).embedding, SimilarQuery())
    assert len(matches) == 4
    assert matches[0].item.image_id == "003a"
    assert matches[0].row == 6
    assert matches[0].score == pytest.approx(1, abs=1e-5)


def test_results_by_image_equal_a_full_sort(recommender: Recommender, vectors: np.ndarray):
    matches = recommender.similar(vectors[5], ALL)
    assert [match.row for match in matches] == np.argsort(-(vectors @ vectors[5]), kind="stable").tolist()


@pytest.mark.parametrize("k", [1, 4, 13, 20, 100])
def test_results_by_product_are_each_products_best_photo(recommender: Recommender, vectors: np.ndarray, k: int):
    scores = vectors @ vectors[5]
    best = sorted(((scores[row : row + 2].max(), row) for row in range(0, 40, 2)), reverse=True)[:k]
    matches = recommender.similar(vectors[5], SimilarQuery(k=k))
    assert [match.item.product_id for match in matches] == [f"product-{row // 2:03}" for _, row in best]
    np.testing.assert_allclose([match.score for match in matches], [score for score, _ in best], atol=1e-6)


@pytest.mark.parametrize("index_type", ["flat", "ivf-float16"])
def test_a_product_with_many_photos_does_not_crowd_out_others(tmp_path: Path, vectors: np.ndarray, index_type: str):
    manifest = build_release(tmp_path)
    index = build_index(vectors, index_type, tmp_path / "index.faiss", seed=0)
    crowd = [
        CatalogItem(f"{row:03}", "crowd" if row < 37 else f"p{row}", CATEGORIES[0], None, None, None, "datasets/x")
        for row in range(40)
    ]
    write_catalog(tmp_path / "catalog.sqlite", crowd)
    catalog = {**file_entry(tmp_path / "catalog.sqlite"), "count": 40}
    manifest = Manifest.model_validate({**manifest.model_dump(), "catalog": catalog, "index": index})
    loaded = load_from(tmp_path, manifest)
    matches = loaded.similar_to("038", SimilarQuery(k=3))
    assert sorted(match.item.product_id for match in matches) == ["crowd", "p37", "p39"]


@pytest.mark.parametrize(
    "where",
    [
        CatalogFilter(category=CATEGORIES[2]),
        CatalogFilter(min_price=50, max_price=120),
        CatalogFilter(CATEGORIES[3], None, 100),
        CatalogFilter(min_price=10_000),
    ],
)
def test_filters_leave_what_passes_in_order_of_score(
    recommender: Recommender, vectors: np.ndarray, where: CatalogFilter
):
    matches = recommender.similar(vectors[0], replace(ALL, where=where))
    everything = recommender.similar(vectors[0], ALL)
    expected = [
        match
        for match in everything
        if where.category in (None, match.item.category)
        and (where.min_price is None or (match.item.price is not None and match.item.price >= where.min_price))
        and (where.max_price is None or (match.item.price is not None and match.item.price <= where.max_price))
    ]
    assert [match.item for match in matches] == [match.item for match in expected]


def test_a_smallest_score_cuts_the_results(recommender: Recommender, vectors: np.ndarray):
    everything = recommender.similar(vectors[0], ALL)
    matches = recommender.similar(vectors[0], replace(ALL, min_score=0.2))
    assert matches == [match for match in everything if match.score >= 0.2]
    assert 0 < len(matches) < 40


def test_similar_items_leave_out_the_item_and_by_product_its_product(recommender: Recommender):
    by_image = recommender.similar_to("003a", ALL)
    assert len(by_image) == 39
    assert ids(by_image)[0] == "003b"
    by_product = recommender.similar_to("003a", SimilarQuery(k=100))
    assert len(by_product) == 19
    assert "product-003" not in {match.item.product_id for match in by_product}


def test_recommendations_follow_rocchio(recommender: Recommender, vectors: np.ndarray):
    matches = recommender.recommend(["003a", "004a", "003a"], ["005b"], ALL)
    direction = (vectors[6] + vectors[8]) / 2 - DISLIKE_WEIGHT * vectors[11]
    expected = np.argsort(-(vectors @ direction), kind="stable")
    assert [match.row for match in matches] == [row for row in expected if row not in (6, 8, 11)]
    assert matches[0].score == pytest.approx(float(vectors[matches[0].row] @ direction / np.linalg.norm(direction)))


def test_recommendations_by_product_leave_out_the_products_of_both_sides(recommender: Recommender):
    products = {match.item.product_id for match in recommender.recommend(["003a"], ["005b"], SimilarQuery(k=100))}
    assert len(products) == 18
    assert not products & {"product-003", "product-005"}


def test_disliking_turns_away(recommender: Recommender, vectors: np.ndarray):
    def nearness(disliked: list[str]) -> float:
        best = recommender.recommend(["003a"], disliked, replace(ALL, k=5))
        return float(np.mean([vectors[match.row] @ vectors[11] for match in best if match.row != 11]))

    assert nearness(["005b"]) < nearness([])


def test_likes_that_cancel_out_are_an_error(tmp_path: Path):
    manifest = build_release(tmp_path, smoke=())
    vectors = np.tile(np.eye(1, DIM, dtype=np.float32), (40, 1))
    vectors[1] *= -1
    write_index(tmp_path / "index.faiss", vectors)
    index = {**file_entry(tmp_path / "index.faiss"), "count": 40}
    loaded = load_from(tmp_path, Manifest.model_validate({**manifest.model_dump(), "index": index}))
    with pytest.raises(QueryError, match="cancel out"):
        loaded.recommend(["000a", "000b"], [], SimilarQuery())


def test_parameters_out_of_range_are_refused(recommender: Recommender):
    with pytest.raises(QueryError, match="k is 101; it takes 1 to 100"):
        recommender.similar_to("003a", SimilarQuery(k=101))
    with pytest.raises(QueryError, match="category 'Boats' is unknown"):
        recommender.similar_to("003a", SimilarQuery(where=CatalogFilter("Boats")))
    with pytest.raises(QueryError, match="liked is empty"):
        recommender.recommend([], [], SimilarQuery())


def test_an_unknown_item_is_named(recommender: Recommender):
    for use in (recommender.item, lambda name: recommender.recommend([name], [], SimilarQuery())):
        with pytest.raises(UnknownItemError, match="has no item 'nothing'"):
            use("nothing")
    assert recommender.item("003a").title == "Listing 3"


def test_photo_limits_come_from_the_settings(built: BuiltRelease, photo: bytes):
    with pytest.raises(PhotoTooLargeError, match="limit is 63"):
        load_from(built.folder, built.manifest, max_side=63).analyse(photo)


def test_an_answer_that_is_not_finite_is_refused(built: BuiltRelease, tmp_path: Path, photo: bytes):
    folder = shutil.copytree(built.folder, tmp_path / "nan")
    preprocessing = Preprocessing(size=SIZE, std=(1e-45, 1e-45, 1e-45))  # overflows in float32
    loaded = load_from(folder, built.manifest.model_copy(update={"preprocessing": preprocessing}))
    with pytest.raises(UndecodablePhotoError, match="is not finite"), np.errstate(all="ignore"):
        loaded.analyse(photo)


@pytest.mark.parametrize("output", ["logits", "embedding"])
def test_an_answer_of_which_one_part_is_not_finite_is_refused(
    built: BuiltRelease, tmp_path: Path, photo: bytes, output: str
):
    """0 / 0 in place of one output of the network; the other is as before."""
    network = onnx.load(built.folder / "model.onnx")
    maker = next(node for node in network.graph.node if output in node.output)
    maker.output[0] = "sound"
    for node in network.graph.node:
        node.input[:] = ["sound" if name == output else name for name in node.input]
    zero = helper.make_node("Sub", ["sound", "sound"], ["zero"])
    network.graph.node.extend([zero, helper.make_node("Div", ["zero", "zero"], [output])])
    onnx.save(network, tmp_path / "model.onnx")
    preprocessing = built.manifest.preprocessing
    answer = Model(tmp_path / "model.onnx").run(normalise(load_rgb(photo, preprocessing)[np.newaxis], preprocessing))
    finite = {"logits": np.isfinite(answer.logits).all(), "embedding": np.isfinite(answer.embedding).all()}
    assert finite == {"logits": output != "logits", "embedding": output != "embedding"}
    for name in ("index.faiss", "catalog.sqlite"):
        shutil.copy(built.folder / name, tmp_path)
    with pytest.raises(UndecodablePhotoError, match="output for the photo is not finite"):
        load_from(tmp_path, built.manifest).analyse(photo)


def test_closing_gives_the_catalog_back(built: BuiltRelease):
    loaded = load_from(built.folder, built.manifest)
    catalog = engine_of(loaded).catalog
    loaded.close()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        catalog.find("003a")


def test_the_last_reference_gives_the_catalog_back(built: BuiltRelease):
    loaded = load_from(built.folder, built.manifest)
    connection = segments_of(loaded).catalogs[0]._connection
    assert loaded.item("003a").product_id == "product-003"
    del loaded
    gc.collect()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        connection.execute("SELECT 1")


def test_parts_that_disagree_are_refused(tmp_path: Path, built: BuiltRelease):
    folder = shutil.copytree(built.folder, tmp_path / "release")
    raw = built.manifest.model_dump() | {"smoke": ()}  # the embeddings of smoke cases have the model's dimension

    def refused(says: str, **changes: dict[str, Any]) -> None:
        changed = {name: {**raw[name], **values} for name, values in changes.items()}
        with pytest.raises(ReleaseError, match=says):
            load_from(folder, Manifest.model_validate({**raw, **changed}))

    refused("the model has 16, the index 16, the manifest 17", model={"embedding_dim": 17})
    refused("does not take photos of 64 x 64", preprocessing={"size": 64})
    refused("holds 40 vectors; the manifest says 41", index={"count": 41}, catalog={"count": 41})

    write_network(folder / "model.onnx", classes=12)
    refused("12 classes; the manifest names 13", model=file_entry(folder / "model.onnx"))
    write_network(folder / "model.onnx", classes=13, dim=8)
    refused("the model has 8, the index 16", model={**file_entry(folder / "model.onnx"), "embedding_dim": 8})
    assert Model(folder / "model.onnx").embedding_dim == 8

    shutil.copy(built.folder / "model.onnx", folder)
    write_catalog(folder / "catalog.sqlite", [CatalogItem("1", "1", "Sofas", None, None, None, "datasets/x")])
    refused("catalog.sqlite holds 1 items; the manifest says 40", catalog=file_entry(folder / "catalog.sqlite"))


def test_threads_are_set_for_the_thread_that_searches(built: BuiltRelease, recommender: Recommender):
    before = faiss.omp_get_max_threads()
    try:
        recommender.similar_to("003a", SimilarQuery())
        assert faiss.omp_get_max_threads() == 1
    finally:
        faiss.omp_set_num_threads(before)


def test_items_are_found_by_words(recommender: Recommender):
    timings = Timings()
    assert ids(recommender.search(replace(ALL, words="listing 3"), timings)) == ["003a", "003b"]
    assert list(timings.parts) == ["search"]
    assert {match.item.category for match in recommender.search(replace(ALL, words="garden"))} == {"Home & Garden"}
    with pytest.raises(QueryError, match="at least one letter"):
        recommender.search(replace(ALL, words="!"))


def test_words_move_items_up_that_have_them(recommender: Recommender, photo: bytes):
    analysis = recommender.analyse(photo)
    without = ids(recommender.similar(analysis.embedding, ALL, None, analysis.probabilities))
    words = replace(ALL, words=f"listing {int(without[-1][:3])}")
    found = recommender.similar(analysis.embedding, words, None, analysis.probabilities)
    assert set(ids(found)) == set(without)
    assert without[-1] in ids(found)[:3]
    cosines = {match.item.image_id: match.score for match in recommender.similar(analysis.embedding, ALL)}
    assert {match.item.image_id: match.score for match in found} == pytest.approx(cosines, abs=1e-6)
    assert ids(recommender.similar_to("000a", words))[0][:3] == words.words.split()[1].zfill(3)


def test_a_release_without_words_says_so_before_it_decodes(tmp_path: Path, built: BuiltRelease):
    folder = tmp_path / "older"
    shutil.copytree(built.folder, folder)
    with sqlite3.connect(folder / "catalog.sqlite") as older:
        older.execute("DROP TABLE words")
        older.execute("DROP TABLE word_lengths")
    older.close()
    recommender = load_from(folder, built.manifest)
    assert recommender.similar_to("000a", ALL)
    recommender.check(ALL)
    with pytest.raises(NotSupportedError, match="without an index of words"):
        recommender.check(replace(ALL, words="sofa"))
