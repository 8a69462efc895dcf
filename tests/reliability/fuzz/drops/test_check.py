from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from reliability.fuzz.drops import check
from reliability.fuzz.drops.stage import Stage, Taken

SOUND = {"pointer": b"live", "kept": ["objects/0"], "status": 200}


def scene(taken: Taken, after: dict[str, Any], left: list[str]) -> Stage:
    """What a drop did, as the stage would see it."""
    return cast(Stage, SimpleNamespace(take=lambda key, archive: taken, state=lambda: after, scratch=lambda: left))


REFUSED = Taken("refused", "it has no tar", "it has no tar", 0.1)
DROP = check.Drop("an empty file", "drops/x.tar", None, says="no tar")


@pytest.fixture
def tally(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> check.Tally:
    monkeypatch.setattr(check, "KEPT", tmp_path / "kept")
    return check.Tally()


def test_a_refusal_with_its_note_is_as_it_should_be(tally: check.Tally):
    assert check.judge(tally, scene(REFUSED, SOUND, []), DROP, SOUND) == SOUND
    assert (tally.accepted, tally.harmed, tally.left, tally.problems) == (0, 0, 0, [])


@pytest.mark.parametrize(
    "taken",
    [
        Taken("live", "x is live", None, 0.1),
        Taken("raised", "OSError: no tar", None, 0.1),
        Taken("none", "no answer", None, 0.1),
        Taken("refused", "it has no tar", None, 0.1),
        Taken("refused", "it has no tar", "another reason", 0.1),
        Taken("refused", "for another reason", "for another reason", 0.1),
    ],
)
def test_every_other_outcome_is_counted(tally: check.Tally, taken: Taken, tmp_path: Path):
    (tmp_path / "x.tar").write_bytes(b"drop")
    drop = check.Drop("an empty file", "drops/x.tar", tmp_path / "x.tar", says="no tar")
    check.judge(tally, scene(taken, SOUND, []), drop, SOUND)
    assert (tally.accepted, tally.harmed) == (1, 0)
    assert (tmp_path / "kept" / "an-empty-file.tar").read_bytes() == b"drop"


def test_a_note_about_what_must_be_ignored_is_counted(tally: check.Tally):
    ignored = check.Drop("x", "drops/x.zip", None, expected="ignored")
    assert check.as_expected(ignored, Taken("ignored", "", None, 0.1))
    assert not check.as_expected(ignored, Taken("ignored", "", "note", 0.1))
    assert not check.as_expected(ignored, REFUSED)


def test_a_changed_state_and_files_left_behind_are_counted_once(tally: check.Tally):
    changed = SOUND | {"pointer": b"other"}
    state = check.judge(tally, scene(REFUSED, changed, ["lookalike-drop-1"]), DROP, SOUND)
    check.judge(tally, scene(REFUSED, changed, []), DROP, state)
    assert (tally.harmed, tally.left) == (1, 1)
    assert "changed: pointer; left lookalike-drop-1" in tally.problems[0]
    missed = [row.measure for row in check.report(tally, ["GET /x: 200"], 1.0, 1 << 20, 1).rows if row.met is False]
    assert [name.partition(" ")[0] for name in missed] == ["crafted", "hostile", "keys", "drops", "drops", "upload"]


@pytest.mark.slow
def test_the_slice_meets_its_goals():
    report = check.run(quick=True)
    assert [(row.measure, row.ours.median) for row in report.rows if row.met is False] == []
    assert all(row.ours.median > 5 for row in report.rows[:4])
