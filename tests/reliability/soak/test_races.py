"""A few rounds of the race, and proof that its audit notices what must not happen."""

from datetime import timedelta
from pathlib import Path

import pytest

from lambda_app.promotion.promotion import go_live
from lambda_app.release.manifest import Manifest
from lambda_app.settings import Settings
from lambda_app.store.contract import OBJECTS
from lambda_app.store.folder import FolderStore
from reliability.soak import races
from reliability.soak.races import Rounds, incomplete
from tests.releases import CREATED_AT, build_release
from tests.reliability.soak.quick import counts, missed

SETTINGS = Settings(store="unused", threads=1)


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "store")


@pytest.fixture
def live(tmp_path: Path, store: FolderStore) -> Manifest:
    manifest = build_release(tmp_path / "release")
    go_live(store, tmp_path / "release", manifest)
    return manifest


@pytest.fixture
def rounds(tmp_path: Path, store: FolderStore) -> Rounds:
    """Without processes: only the audit."""
    return Rounds(store, tmp_path / "made", [])


@pytest.mark.slow
def test_promoters_and_prunes_leave_live_whole():
    report = races.run(quick=True)
    assert missed(report) == [], report.notes
    assert counts(report, "objects that they deleted") > [0, 0]
    assert counts(report, "promotions that went live") >= [races.QUICK_ROUNDS] * 2


def test_a_missing_object_a_damaged_one_and_a_missing_manifest_are_noticed(store, live):
    assert incomplete(store, live.release, SETTINGS) is None
    path = store.root / OBJECTS / live.index.sha256
    data = path.read_bytes()
    path.write_bytes(data[:-1] + b"x")
    assert f"{live.index.file} has sha256" in str(incomplete(store, live.release, SETTINGS))
    path.unlink()
    assert f"holds no objects/{live.index.sha256}" in str(incomplete(store, live.release, SETTINGS))
    assert "holds no releases/other-release" in str(incomplete(store, "other-release", SETTINGS))


def test_the_audit_of_a_good_round_finds_nothing(rounds, live):
    rounds.judge(live.release, {"outcome": "live", "detail": f"{live.release} is live", "faults": 2}, live.release, 0)
    rounds.audit(live.release, 0)
    found = rounds.findings
    assert (found.rounds, found.faults, found.lost, found.broken, found.vanished) == (1, 2, [], [], set())


def test_the_audit_notices_a_lost_update_and_a_release_that_vanished(rounds, store, live, tmp_path):
    later = build_release(tmp_path / "later", seed=1, created_at=CREATED_AT + timedelta(hours=1))
    said = {"outcome": "live", "detail": f"{later.release} is live", "faults": 0}
    rounds.judge(later.release, said, later.release, 7)
    rounds.audit(later.release, 7)
    assert rounds.findings.lost == [f"round 7: {live.release} is live, the newest is {later.release}"]
    assert rounds.findings.vanished == {later.release}


@pytest.mark.parametrize(("outcome", "detail"), [("superseded", "newest: words"), ("fault", "newest"), ("live", "")])
def test_the_newest_release_must_go_live_and_every_outcome_has_words(rounds, outcome, detail):
    rounds.judge("newest", {"outcome": outcome, "detail": detail, "faults": 0}, "newest", 3)
    assert len(rounds.findings.lost) == 1


def test_the_audit_notices_a_live_release_that_is_not_whole(rounds, store, live):
    store.delete(OBJECTS + live.model.sha256)
    rounds.audit(live.release, 2)
    assert rounds.findings.broken[0].startswith(f"round 2: {live.release}: ")
