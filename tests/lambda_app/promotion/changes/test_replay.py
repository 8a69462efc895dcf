from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from lambda_app.catalogue.changes import Upsert
from lambda_app.errors import PointerConflictError, RefusedReleaseError
from lambda_app.promotion import ingest, promotion
from lambda_app.promotion.ingest import apply_changes
from lambda_app.promotion.promotion import promote_archive, promote_stored, rollback
from lambda_app.promotion.stored import manifest_key
from lambda_app.recommendation.live import LiveRelease
from lambda_app.release.manifest import Manifest
from lambda_app.store.contract import Store
from tests.archives import build_archive
from tests.catalogue_changes import NOW, SETTINGS, change, has, live, logged, now, removed, upserted
from tests.releases import CREATED_AT


def test_changes_during_a_training_are_in_its_first_answer(store: Store, made: Manifest, tmp_path: Path):
    logged(store, upserted(store, tmp_path, "new"), removed(image_id="000a"))
    apply_changes(store, SETTINGS, now)
    archive, trained = build_archive(tmp_path / "trained", seed=1, created_at=CREATED_AT + timedelta(hours=1))
    done = promote_archive(store, archive, SETTINGS, now=now)
    assert done.outcome == "live"
    after = live(store)
    assert after.manifest.parent == trained.release
    assert (has(after, "new"), has(after, "000a")) == (True, False)
    assert apply_changes(store, SETTINGS, now).applied == 0
    again = promote_archive(store, archive, SETTINGS, now=now)
    assert again.outcome == "already live"
    told = f"the model of {trained.release} is live already, as {after.manifest.release}, with the changes of the log"
    assert again.detail == told


def test_a_hundred_changes_during_a_training_are_all_in_its_first_answer(store: Store, made: Manifest, tmp_path: Path):
    """Some of them were live before, in several releases; others wait in the log."""
    sample = upserted(store, tmp_path, "sample")
    assert isinstance(sample, Upsert)
    fields = sample.item.model_dump()
    added = [change(op="upsert", item=fields | {"image_id": f"new-{number}"}) for number in range(40)]
    prices = [change(op="update", image_id=f"{number:03}a", set={"price": 900.0 + number}) for number in range(20)]
    more = [change(op="update", image_id=f"new-{number}", set={"title": f"Title {number}"}) for number in range(20)]
    gone = [removed(image_id=f"{number:03}b") for number in range(20)]
    hundred = [*added, *prices, *more, *gone]
    for number, start in enumerate(range(0, 100, 10)):
        logged(store, *hundred[start : start + 10], at=NOW + timedelta(seconds=number))
        if number in (2, 6):
            apply_changes(store, SETTINGS, now)
    archive, trained = build_archive(tmp_path / "trained", seed=1, created_at=CREATED_AT + timedelta(hours=1))
    assert promote_archive(store, archive, SETTINGS, now=now).outcome == "live"
    first = LiveRelease(store, SETTINGS).current(patience=30).recommender
    assert first.manifest.parent == trained.release
    assert first.manifest.model == trained.model
    assert [has(first, f"new-{number}") for number in range(40)] == 40 * [True]
    assert [first.item(f"{number:03}a").price for number in range(20)] == [900.0 + number for number in range(20)]
    assert [first.item(f"new-{number}").title for number in range(20)] == [f"Title {number}" for number in range(20)]
    assert [has(first, f"{number:03}b") for number in range(20)] == 20 * [False]
    assert first.manifest.count == made.count + 40 - 20


def test_a_release_gets_the_changes_since_its_snapshot_and_those_of_the_hour_before(
    store: Store, made: Manifest, tmp_path: Path
):
    """The listings hold the change of the day before; a later one would be undone if it were applied again."""
    snapshot = NOW - timedelta(hours=2)
    photo = upserted(store, tmp_path, "hour", price=4.0)
    logged(store, removed(image_id="000a"), at=snapshot - timedelta(days=1))
    logged(store, photo, removed(image_id="001a"), at=snapshot - timedelta(minutes=30))
    logged(store, removed(image_id="002a"), at=snapshot + timedelta(minutes=30))
    archive, trained = build_archive(
        tmp_path / "trained", seed=1, created_at=NOW - timedelta(hours=1), snapshot_at=snapshot
    )
    assert promote_archive(store, archive, SETTINGS, now=now).outcome == "live"
    after = live(store)
    assert [has(after, image_id) for image_id in ("000a", "001a", "002a", "hour")] == [True, False, False, True]
    assert (after.manifest.parent, after.manifest.changes_through) == (trained.release, 3)
    logged(store, photo, at=NOW)
    assert apply_changes(store, SETTINGS, now).applied == 1
    assert live(store).manifest.count == made.count + 1 - 2


def test_a_release_of_listings_that_hold_the_whole_log_gets_no_change(store: Store, made: Manifest, tmp_path: Path):
    logged(store, removed(image_id="000a"), at=NOW - timedelta(days=2))
    archive, _ = build_archive(
        tmp_path / "trained", seed=1, created_at=NOW - timedelta(hours=1), snapshot_at=NOW - timedelta(hours=2)
    )
    promote_archive(store, archive, SETTINGS, now=now)
    assert has(live(store), "000a")
    assert live(store).manifest.changes_through == 1
    assert apply_changes(store, SETTINGS, now).applied == 0
    assert has(live(store), "000a")


def test_a_rollback_passes_over_releases_of_which_no_change_could_be_applied(store: Store, made: Manifest):
    logged(store, removed(image_id="000a"))
    apply_changes(store, SETTINGS, now)
    for number in (1, 2):
        logged(store, removed(image_id="nobody"), at=NOW + timedelta(seconds=number))
        assert apply_changes(store, SETTINGS, now).applied == 0
    assert live(store).manifest.changes_through == 3
    told = rollback(store, SETTINGS, now).detail
    assert f"to {made.release} (" in told
    assert told.endswith("changes of the log that are undone: 3")
    assert has(live(store), "000a")
    logged(store, removed(image_id="001a"), at=NOW + timedelta(seconds=3))
    assert apply_changes(store, SETTINGS, now).applied == 1
    assert (has(live(store), "000a"), has(live(store), "001a")) == (True, False)


def test_a_rollback_undoes_the_changes_and_later_ones_apply(store: Store, made: Manifest, tmp_path: Path):
    logged(store, removed(image_id="000a"))
    apply_changes(store, SETTINGS, now)
    logged(store, removed(image_id="001a"), at=NOW + timedelta(seconds=1))
    apply_changes(store, SETTINGS, now)
    told = rollback(store, SETTINGS, now).detail
    assert told.endswith(
        f"; {live(store).manifest.release}, which was made from it, is live; changes of the log that are undone: 1"
    )
    assert [has(live(store), image_id) for image_id in ("000a", "001a")] == [False, True]
    logged(store, removed(image_id="002a"), at=NOW + timedelta(seconds=2))
    apply_changes(store, SETTINGS, now)
    after = live(store)
    assert [has(after, image_id) for image_id in ("000a", "001a", "002a")] == [False, True, False]
    # A release that is trained later gets the changes that count.
    archive, _ = build_archive(tmp_path / "trained", seed=1, created_at=NOW + timedelta(minutes=1))
    promote_archive(store, archive, SETTINGS, now=lambda: NOW + timedelta(minutes=2))
    assert [has(live(store), image_id) for image_id in ("000a", "001a", "002a")] == [False, True, False]


def test_a_rollback_that_ends_after_its_entry_is_finished_by_the_next_changes(
    store: Store, made: Manifest, monkeypatch: pytest.MonkeyPatch
):
    logged(store, removed(image_id="000a"))
    apply_changes(store, SETTINGS, now)
    with monkeypatch.context() as patched:
        patched.setattr(ingest, "successor", lambda *_: (_ for _ in ()).throw(PointerConflictError("killed")))
        with pytest.raises(PointerConflictError, match="killed"):
            rollback(store, SETTINGS, now)
    assert not has(live(store), "000a")
    logged(store, removed(image_id="001a"), at=NOW + timedelta(seconds=1))
    apply_changes(store, SETTINGS, now)
    assert [has(live(store), image_id) for image_id in ("000a", "001a")] == [True, False]


def _change_before(monkeypatch: pytest.MonkeyPatch, name: str, store: Store) -> None:
    """Changes go live right before this step of a rollback."""
    step = getattr(promotion, name)

    def stepped(*given: Any, **named: Any) -> Any:
        monkeypatch.undo()
        logged(store, removed(image_id="002a"), at=NOW + timedelta(seconds=2))
        apply_changes(store, SETTINGS, now)
        return step(*given, **named)

    monkeypatch.setattr(promotion, name, stepped)


def test_a_rollback_that_is_overtaken_while_it_checks_the_release_writes_nothing(
    store: Store, made: Manifest, monkeypatch: pytest.MonkeyPatch
):
    logged(store, removed(image_id="000a"))
    apply_changes(store, SETTINGS, now)
    _change_before(monkeypatch, "check_release", store)
    with pytest.raises(PointerConflictError, match=r"went live while the rollback .* nothing is changed"):
        rollback(store, SETTINGS, now)
    logged(store, removed(image_id="003a"), at=NOW + timedelta(seconds=3))
    apply_changes(store, SETTINGS, now)
    assert [has(live(store), image_id) for image_id in ("000a", "002a", "003a")] == [False, False, False]


def test_a_rollback_that_is_overtaken_after_its_entry_goes_back_at_once(
    store: Store, made: Manifest, monkeypatch: pytest.MonkeyPatch
):
    logged(store, removed(image_id="000a"))
    apply_changes(store, SETTINGS, now)
    _change_before(monkeypatch, "point_to", store)
    done = rollback(store, SETTINGS, now)
    after = live(store)
    assert (done.release, done.outcome) == (after.manifest.release, "live")
    # The change came after the entry of the rollback.
    assert [has(after, image_id) for image_id in ("000a", "002a")] == [True, False]
    assert after.manifest.changes_through == 3


def test_a_release_with_undone_changes_is_refused_if_those_without_them_were_deleted(
    store: Store, made: Manifest, tmp_path: Path
):
    undone = []
    for number in range(2):
        logged(store, removed(image_id=f"00{number}a"), at=NOW + timedelta(seconds=number))
        undone.append(apply_changes(store, SETTINGS, now).release)
    rollback(store, SETTINGS, now)
    rollback(store, SETTINGS, now)
    before = store.read_pointer()
    store.delete(manifest_key(made.release))
    with pytest.raises(RefusedReleaseError, match=r"a rollback undid later \(entry 4 of the log\)"):
        promote_stored(store, undone[0], SETTINGS, now)
    assert store.read_pointer() == before
    assert has(live(store), "000a")
