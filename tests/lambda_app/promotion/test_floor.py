"""Which release may follow which, by its figures; and what is read and written for that."""

import json
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from lambda_app.errors import RefusedReleaseError, ReleaseError
from lambda_app.promotion.promotion import Promotion, promote_archive, rollback
from lambda_app.promotion.stored import forced_key, manifest_key
from lambda_app.promotion.upkeep.listing import list_releases
from lambda_app.recommendation.live import LiveRelease
from lambda_app.release.archive import write_archive
from lambda_app.release.manifest import Manifest, Pointer
from lambda_app.settings import Settings
from lambda_app.store.contract import OBJECTS, LivePointer
from lambda_app.store.folder import FolderStore
from tests.archives import build_archive, rewritten, with_a_flipped_byte
from tests.releases import CATEGORIES, CREATED_AT, build_release, publish_directly

SETTINGS = Settings(store="unused", threads=1)
LATER, LAST = CREATED_AT + timedelta(hours=1), CREATED_AT + timedelta(hours=2)


class WatchedStore(FolderStore):
    """Counts what promotion does; lets a rival promotion come first where a test sets one."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.pointer_reads = 0
        self.uploads: list[str] = []
        self.rival: Callable[[], Promotion] | None = None

    def read_pointer(self, unless: str | None = None) -> LivePointer | None:
        self.pointer_reads += 1
        return super().read_pointer(unless)

    def upload(self, key: str, source: Path) -> None:
        self.uploads.append(key)
        super().upload(key, source)

    def write_pointer(self, pointer: Pointer, expected: str | None) -> None:
        rival, self.rival = self.rival, None
        if rival is not None:
            rival()
        super().write_pointer(pointer, expected)


@pytest.fixture
def store(tmp_path: Path) -> WatchedStore:
    return WatchedStore(tmp_path / "store")


def promote(store: FolderStore, archive: Path) -> Promotion:
    return promote_archive(store, archive, SETTINGS)


def live_release(store: FolderStore) -> str:
    live = store.read_pointer()
    assert live is not None
    return live.pointer.release


def figures(figure: str, value: Any) -> dict[str, Any]:
    """Accuracy and recall@4 of 0.9, but for one."""
    test: dict[str, Any] = {"accuracy": 0.9, "retrieval": {"embedding": {"recall@4": 0.9}}}
    (test if figure == "accuracy" else test["retrieval"]["embedding"])[figure] = value
    return {"test": test}


@pytest.fixture
def first(tmp_path: Path, store: WatchedStore) -> Manifest:
    """Live, with 0.9 in both figures."""
    archive, manifest = build_archive(tmp_path / "first")
    assert promote(store, archive).outcome == "live"
    return manifest


@pytest.mark.parametrize("figure", ["accuracy", "recall@4"])
def test_a_figure_less_than_three_points_under_the_live_one_is_let_pass(tmp_path, store, first, figure):
    archive, near = build_archive(tmp_path / "near", seed=1, created_at=LATER, evaluation=figures(figure, 0.8701))
    assert promote(store, archive).outcome == "live"
    assert live_release(store) == near.release


@pytest.mark.parametrize("figure", ["accuracy", "recall@4"])
def test_a_figure_more_than_three_points_under_the_live_one_is_refused_unless_forced(tmp_path, store, first, figure):
    worse = figures(figure, 0.8699)
    archive, refused = build_archive(tmp_path / "worse", seed=1, created_at=LATER, evaluation=worse)
    with pytest.raises(RefusedReleaseError, match=rf"{figure} 0\.870 against 0\.900 \(live is {first.release}\)"):
        promote(store, archive)
    assert live_release(store) == first.release
    assert not store.exists(manifest_key(refused.release))
    archive, forced = build_archive(tmp_path / "forced", seed=1, created_at=LATER, evaluation=worse, force=True)
    assert promote(store, archive).outcome == "live"
    assert live_release(store) == forced.release


NOTHING_MEASURED: list[dict[str, Any]] = [
    {},
    {"test": None},
    {"test": {"accuracy": None}},
    {"test": {"n": 0, "accuracy": 0.9, "retrieval": {"embedding": {"recall@4": 0.9}}}},
]


@pytest.mark.parametrize("evaluation", NOTHING_MEASURED)
def test_a_figure_that_the_live_release_has_must_be_proven(tmp_path, store, first, evaluation):
    options = {"seed": 1, "created_at": LATER, "evaluation": evaluation}
    archive, refused = build_archive(tmp_path / "unmeasured", **options)
    words = r"accuracy is not proven against 0\.900; recall@4 is not proven against 0\.900"
    with pytest.raises(RefusedReleaseError, match=words):
        promote(store, archive)
    assert live_release(store) == first.release
    assert not store.exists(manifest_key(refused.release))
    archive, _ = build_archive(tmp_path / "forced", **options, force=True)
    assert re.search(f"forced past the floor: {words}", promote(store, archive).detail)


@pytest.mark.parametrize("figure", ["accuracy", "recall@4"])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), "0.9", True, 7.5, -0.1, [0.9], {"mean": 0.9}, 10**30])
def test_a_figure_that_is_no_number_from_0_to_1_is_refused_by_force_too(tmp_path, store, figure, value):
    evaluation = figures(figure, value)
    archive, sound = build_archive(tmp_path / "bad", force=True)
    raw = json.loads(sound.to_json()) | {"evaluation": evaluation}
    with pytest.raises(ReleaseError, match=rf"evaluation\.test\..*{figure} is .*; a figure from 0 to 1"):
        promote(store, rewritten(archive, manifest__json=json.dumps(raw).encode()))
    assert list(store.keys("releases/")) == []


@pytest.mark.parametrize(
    ("evaluation", "message"),
    [
        ({"test": [0.9]}, r"evaluation\.test is \[0\.9\]; an object"),
        ({"test": {"n": "many", "accuracy": 0.9}}, r"evaluation\.test\.n is 'many'; a count"),
        ({"test": {"retrieval": {"embedding": 0.9}}}, r"evaluation\.test\.retrieval\.embedding is 0\.9; an object"),
    ],
)
def test_an_evaluation_of_another_shape_is_refused(tmp_path, store, evaluation, message):
    archive, _ = build_archive(tmp_path / "bad", evaluation=evaluation)
    with pytest.raises(ReleaseError, match=message):
        promote(store, archive)


@pytest.mark.parametrize("value", [float("nan"), "0.9", True, 7.5])
def test_a_live_release_of_older_code_with_bad_figures_serves_and_is_followed(tmp_path, store, value):
    manifest = build_release(tmp_path / "old", evaluation={"test": {"accuracy": value}})
    raw = json.loads(manifest.to_json()) | {"evaluation": {"test": {"accuracy": value}}}
    (tmp_path / "old" / "manifest.json").write_text(json.dumps(raw))
    publish_directly(store, tmp_path / "old", manifest)
    assert LiveRelease(store, SETTINGS).current().release == manifest.release
    (row,) = list_releases(store)
    assert row.figures == {}
    archive, _ = build_archive(tmp_path / "new", seed=1, created_at=LATER)
    assert promote(store, archive).outcome == "live"
    assert rollback(store, SETTINGS).release == manifest.release


@pytest.mark.parametrize(
    ("categories", "words"),
    [
        (CATEGORIES[:2], r"the new release lacks 'Clothes, Footwear & Accessories' and 10 more of 13 categories \("),
        (CATEGORIES[:-1], r"the new release lacks 'Video Games & Consoles' \("),
        ((CATEGORIES[1], CATEGORIES[0], *CATEGORIES[2:]), r"category 0 is 'Baby & Kids Stuff' against 'Home & Garden'"),
        (("New", *CATEGORIES), r"category 0 is 'New' against 'Home & Garden'"),
        ((*CATEGORIES[:-1], "Renamed"), r".*lacks 'Video Games & Consoles', and has 'Renamed' instead \("),
        ((*CATEGORIES[:-2], "A", "B"), r".*and 1 more of 13 categories, and has 'A' and others instead \("),
    ],
)
def test_categories_that_are_lost_or_move_are_refused_unless_forced(tmp_path, store, first, categories, words):
    archive, _ = build_archive(tmp_path / "fewer", seed=1, created_at=LATER, categories=categories)
    with pytest.raises(RefusedReleaseError, match=words):
        promote(store, archive)
    assert live_release(store) == first.release
    archive, _ = build_archive(tmp_path / "forced", seed=1, created_at=LATER, categories=categories, force=True)
    assert re.search(f"forced past the floor: {words}", promote(store, archive).detail)


def test_categories_may_be_added_at_the_end(tmp_path, store, first):
    archive, _ = build_archive(tmp_path / "more", seed=1, created_at=LATER, categories=(*CATEGORIES, "Boats"))
    promotion = promote(store, archive)
    assert (promotion.outcome, "forced" in promotion.detail) == ("live", False)


def test_a_forced_release_says_so_in_answer_log_and_list(tmp_path, store, first, caplog):
    worse = {"test": {"accuracy": 0.074, "retrieval": {"embedding": {"recall@4": 0.9}}}}
    archive, forced = build_archive(tmp_path / "forced", seed=1, created_at=LATER, evaluation=worse, force=True)
    words = f"forced past the floor: accuracy 0.074 against 0.900 (live is {first.release})"
    assert promote(store, archive).detail == f"{forced.release} is live, {words}"
    assert f"{forced.release} is {words}" in caplog.messages
    assert [row.forced for row in list_releases(store)] == [words, None]


def test_force_without_need_says_nothing(tmp_path, store, first, caplog):
    archive, equal = build_archive(tmp_path / "equal", seed=1, created_at=LATER, force=True)
    store.write(forced_key(equal.release), b'{"forced": "by an earlier try that lost its race"}')
    assert promote(store, archive).detail == f"{equal.release} is live"
    assert [row.forced for row in list_releases(store)] == [None, None]


def test_force_passes_a_live_release_that_cannot_be_compared_with(tmp_path, store, first):
    store.write(manifest_key(first.release), b"{}")
    archive, _ = build_archive(tmp_path / "second", seed=1, created_at=LATER)
    with pytest.raises(
        RefusedReleaseError, match=f"live release {first.release} cannot be read for a comparison: .*format"
    ):
        promote(store, archive)
    archive, _ = build_archive(tmp_path / "forced", seed=1, created_at=LATER, force=True)
    assert "cannot be read for a comparison" in promote(store, archive).detail


def test_figures_are_judged_before_the_files_are(tmp_path, store, first):
    archive, _ = build_archive(tmp_path / "worse", seed=1, created_at=LATER, accuracy=0.5)
    with pytest.raises(RefusedReleaseError, match=r"accuracy 0\.500"):
        promote(store, with_a_flipped_byte(archive))


def test_an_undisturbed_promotion_reads_the_pointer_twice(tmp_path, store, first):
    assert store.pointer_reads == 2
    archive, _ = build_archive(tmp_path / "second", seed=1, created_at=LATER)
    promote(store, archive)
    assert store.pointer_reads == 4


@pytest.fixture
def rival(tmp_path: Path, store: WatchedStore) -> Manifest:
    """Of 0.9 in both figures, and promoted just before the next write of the pointer."""
    archive, manifest = build_archive(tmp_path / "rival", seed=2, created_at=LATER)
    store.rival = lambda: promote(FolderStore(store.root), archive)
    return manifest


def test_a_promotion_that_lost_a_race_follows_the_winner(tmp_path, store, rival):
    archive, last = build_archive(tmp_path / "last", seed=1, created_at=LAST)
    assert promote(store, archive).outcome == "live"
    assert store.pointer_reads == 3  # once early, once for each of two tries
    assert store.read_pointer().pointer.release == last.release
    assert store.read_pointer().pointer.previous == rival.release


def test_the_winner_of_a_race_sets_the_floor(tmp_path, store, rival):
    archive, _ = build_archive(tmp_path / "last", seed=1, created_at=LAST, accuracy=0.5)
    with pytest.raises(RefusedReleaseError, match=rf"accuracy 0\.500 against 0\.900.* \(live is {rival.release}\)"):
        promote(store, archive)
    assert live_release(store) == rival.release


def test_a_promotion_that_an_even_later_one_overtakes_is_superseded(tmp_path, store, rival):
    archive, early = build_archive(tmp_path / "early", seed=1)
    assert promote(store, archive).outcome == "superseded"
    assert live_release(store) == rival.release
    assert store.exists(manifest_key(early.release))


def test_objects_that_the_store_holds_are_not_uploaded_again(tmp_path, store, first):
    objects = [OBJECTS + entry.sha256 for entry in first.files()]
    assert sorted(store.uploads) == sorted(objects)
    store.uploads.clear()
    again = first.model_copy(update={"release": "a-later-release", "created_at": LATER})
    assert promote(store, write_archive(tmp_path / "again.tar", again, tmp_path / "first")).outcome == "live"
    assert store.uploads == []
    store.delete(objects[0])
    last = first.model_copy(update={"release": "the-last-release", "created_at": LAST})
    assert promote(store, write_archive(tmp_path / "last.tar", last, tmp_path / "first")).outcome == "live"
    assert store.uploads == [objects[0]]
