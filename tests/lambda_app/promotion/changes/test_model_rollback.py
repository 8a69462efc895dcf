"""Two trainings with changes of the catalogue before, between and after them, and going back to the first model."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from lambda_app.catalogue import log
from lambda_app.errors import PointerConflictError, RefusedReleaseError
from lambda_app.promotion import ingest, succession
from lambda_app.promotion.ingest import apply_changes, replaying
from lambda_app.promotion.promotion import go_live, promote_stored, rollback
from lambda_app.promotion.upkeep import model_rollback
from lambda_app.promotion.upkeep.listing import list_releases
from lambda_app.promotion.upkeep.model_rollback import rollback_model
from lambda_app.promotion.upkeep.pruning import prune
from lambda_app.release.manifest import Manifest, Pointer
from lambda_app.store.contract import Store
from lambda_app.store.folder import FolderStore
from tests.catalogue_changes import NOW, SETTINGS, change, has, live, logged, now, removed, upserted
from tests.releases import build_release, move_pointer, publish_directly


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return FolderStore(tmp_path / "store")


@pytest.fixture(autouse=True)
def _without_trials(monkeypatch: pytest.MonkeyPatch) -> None:
    """A trial is a process of its own, and decides nothing here."""
    for place in ("lambda_app.promotion.promotion", "lambda_app.promotion.upkeep.model_rollback"):
        monkeypatch.setattr(f"{place}.check_release", lambda *_: None)


def _trained(store: Store, folder: Path, seed: int, **fields: Any) -> Manifest:
    """A release with a model of its own goes live, with the changes that it lacks."""
    made = build_release(folder / f"trained-{seed}", seed=seed, created_at=NOW + timedelta(minutes=seed), **fields)
    go_live(store, folder / f"trained-{seed}", made, _at(seed), replay=replaying(store, SETTINGS, _at(seed)))
    return made


def _at(minute: int) -> Any:
    return lambda: NOW + timedelta(minutes=minute)


def _changed(store: Store, *changes: Any, at: int = 0) -> None:
    logged(store, *changes, at=NOW + timedelta(seconds=at))
    apply_changes(store, SETTINGS, now)


def _pointer(store: Store) -> Pointer:
    found = store.read_pointer()
    assert found is not None
    return found.pointer


def test_the_model_before_is_live_with_all_changes_since(store: Store, made: Manifest, tmp_path: Path):
    _changed(store, removed(image_id="000a"), at=1)
    _trained(store, tmp_path, 1)
    _changed(store, removed(image_id="001a"), upserted(store, tmp_path, "new"), at=2)
    done = rollback_model(store, SETTINGS, _at(5))
    after = live(store)
    assert after.manifest.model.sha256 == made.model.sha256
    assert [has(after, one) for one in ("000a", "001a", "002a", "new")] == [False, False, True, True]
    assert after.manifest.changes_through == 2
    assert "with the changes of the log" in done.detail
    _changed(store, removed(image_id="002a"), at=3)
    assert [has(live(store), one) for one in ("001a", "002a", "new")] == [False, False, True]
    assert live(store).manifest.model.sha256 == made.model.sha256


def test_more_releases_of_the_catalogue_than_the_history_has_do_not_hide_the_model_before(
    store: Store, made: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(succession, "HISTORY", 3)
    monkeypatch.setattr(model_rollback, "HISTORY", 3)
    _changed(store, removed(image_id="000a"), at=1)
    last = live(store).manifest
    _trained(store, tmp_path, 1)
    for number in range(1, 6):
        _changed(store, removed(image_id=f"{number:03}a"), at=number + 1)
    assert last.release not in (pointer := _pointer(store)).history
    assert len(pointer.history) == 3
    assert rollback_model(store, SETTINGS, _at(5)).outcome == "live"
    after = live(store).manifest
    assert (after.model.sha256, after.parent, after.changes_through) == (made.model.sha256, last.release, 6)
    # A plain rollback then goes to what was live before with this model, not to what was left.
    assert _pointer(store).history == (made.release,)
    with pytest.raises(RefusedReleaseError, match="another model"):
        rollback_model(store, SETTINGS, _at(6))


def test_repeated_it_goes_back_further_and_promote_goes_forward_again(store: Store, made: Manifest, tmp_path: Path):
    second, third = _trained(store, tmp_path, 1), _trained(store, tmp_path, 2)
    for expected in (second, made):
        rollback_model(store, SETTINGS, _at(5))
        assert live(store).manifest.model.sha256 == expected.model.sha256
    promote_stored(store, third.release, SETTINGS, _at(6))
    assert [one.release for one in _pointer(store).other_models or ()] == [made.release]
    rollback_model(store, SETTINGS, _at(7))
    assert live(store).manifest.release == made.release


def test_a_pointer_of_an_older_writer_is_followed_by_its_history(store: Store, made: Manifest, tmp_path: Path):
    trained = _trained(store, tmp_path, 1)
    _changed(store, removed(image_id="000a"), at=1)
    move_pointer(store, _pointer(store).model_copy(update={"other_models": None}))
    assert [row.release for row in list_releases(store) if row.of_model_before] == [made.release]
    _changed(store, removed(image_id="001a"), at=2)
    assert [one.release for one in _pointer(store).other_models or ()] == [made.release]
    move_pointer(store, _pointer(store).model_copy(update={"other_models": None}))
    rollback_model(store, SETTINGS, _at(5))
    after = live(store)
    assert after.manifest.model.sha256 == made.model.sha256 != trained.model.sha256
    assert not has(after, "000a")
    assert not has(after, "001a")


def test_a_plain_rollback_over_a_training_and_back_leaves_no_model_twice(store: Store, made: Manifest, tmp_path: Path):
    trained = _trained(store, tmp_path, 1)
    rollback(store, SETTINGS, _at(5))
    assert live(store).manifest.model.sha256 == made.model.sha256
    assert _pointer(store).other_models == ()
    promote_stored(store, trained.release, SETTINGS, _at(6))
    assert [one.model for one in _pointer(store).other_models or ()] == [made.model.sha256]


def test_what_a_rollback_undid_does_not_come_back_with_the_model_before(store: Store, made: Manifest, tmp_path: Path):
    """The release of the first model contains changes that were undone later, under the second model."""
    _changed(store, removed(image_id="000a"), at=1)
    trained = _trained(store, tmp_path, 1)
    before = live(store).manifest
    assert (before.parent, before.changes_through) == (trained.release, 1)
    _changed(store, removed(image_id="001a"), at=2)
    promote_stored(store, made.release, SETTINGS, _at(3))  # the first model again, with both changes
    assert live(store).manifest.changes_through == 2
    promote_stored(store, before.release, SETTINGS, _at(4))  # the second one, also with both
    rolled = _pointer(store).model_copy(update={"history": (before.release,), "previous": before.release})
    move_pointer(store, rolled)
    rollback(store, SETTINGS, _at(5))  # undoes the second change
    assert [has(live(store), one) for one in ("000a", "001a")] == [False, True]
    rollback_model(store, SETTINGS, _at(6))
    after = live(store)
    assert after.manifest.model.sha256 == made.model.sha256
    assert [has(after, one) for one in ("000a", "001a")] == [False, True]


def test_changes_that_go_live_meanwhile_are_taken_along_and_another_model_is_a_conflict(
    store: Store, made: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    _trained(store, tmp_path, 1)
    move = succession.point_to

    def beaten(*call: Any, **options: Any) -> None:
        monkeypatch.setattr(model_rollback, "point_to", move)
        _changed(store, removed(image_id="000a"), at=1)
        move(*call, **options)

    monkeypatch.setattr(model_rollback, "point_to", beaten)
    rollback_model(store, SETTINGS, _at(5))
    assert live(store).manifest.model.sha256 == made.model.sha256
    assert not has(live(store), "000a")

    def replaced(*call: Any, **options: Any) -> None:
        monkeypatch.setattr(model_rollback, "point_to", move)
        _trained(store, tmp_path, 9)
        move(*call, **options)

    promote_stored(store, build_and_store(store, tmp_path, 3).release, SETTINGS, _at(6))
    monkeypatch.setattr(model_rollback, "point_to", replaced)
    with pytest.raises(PointerConflictError):
        rollback_model(store, SETTINGS, _at(7))


def build_and_store(store: Store, folder: Path, seed: int) -> Manifest:
    pointer = _pointer(store)
    made = build_release(folder / f"stored-{seed}", seed=seed, created_at=NOW)
    publish_directly(store, folder / f"stored-{seed}", made)
    move_pointer(store, pointer)
    return made


def test_a_change_between_a_rollback_and_its_entry_counts(
    store: Store, made: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Another writer's entry gets the number that the rollback wanted."""
    _changed(store, removed(image_id="000a"), at=1)
    append = log.append

    def second(*call: Any, **options: Any) -> list[int]:
        logged(store, change(op="update", image_id="001a", set={"price": 3.0}), at=NOW + timedelta(seconds=9))
        return list(append(*call, **options))

    monkeypatch.setattr(ingest, "append", second)
    rollback(store, SETTINGS, _at(5))
    monkeypatch.undo()
    apply_changes(store, SETTINGS, now)
    after = live(store)
    assert has(after, "000a")
    assert after.item("001a").price == 3.0
    assert after.manifest.changes_through == 3


def test_a_prune_keeps_the_release_that_a_rollback_of_the_model_needs(store: Store, made: Manifest, tmp_path: Path):
    _trained(store, tmp_path, 1)
    for number in range(3):
        _changed(store, removed(image_id=f"{number:03}a"), at=number)
    prune(store, keep=1, age=timedelta(0))
    assert made.release in [row.release for row in list_releases(store)]
    rollback_model(store, SETTINGS, _at(5))
    assert live(store).manifest.model.sha256 == made.model.sha256
    assert not has(live(store), "002a")
