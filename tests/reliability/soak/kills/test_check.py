import pytest

from reliability.soak.kills import check
from reliability.soak.kills.inspection import Kill
from reliability.soak.kills.lane import spread

GOOD = Kill(
    "before object: rename",
    killed=True,
    broken_pointer=False,
    not_loaded=False,
    failed_answers=0,
    half_written=0,
    repeat_failed=False,
    scratch=0,
)


def test_each_thing_that_must_hold_misses_its_goal_if_it_does_not():
    def missed(kill: Kill) -> list[str]:
        found = {check.FOLDER: [GOOD, kill]}
        return [row.measure for row in check.report(found, {check.FOLDER: 2}).rows if row.met is False]

    assert missed(GOOD) == []
    for name, value in vars(GOOD).items():
        if name not in ("step", "killed"):
            changed = Kill(**{**vars(GOOD), name: value + 1})
            assert len(missed(changed)) == 1, name
    # A process that ended before its kill does not count.
    assert missed(Kill(**{**vars(GOOD), "killed": False})) == ["kills", f"  {check.FOLDER}"]


def test_the_kills_reach_every_kind_of_step():
    names = ["photo", "photo", "photo", "trial", "object", "object", "pointer"]
    assert [names[place] for place in spread(names, 4)] == ["photo", "trial", "object", "pointer"]
    assert len(set(spread(names, 7))) == 6  # three photos, two objects, and what there is once
    assert names[spread(names, 1)[0]] == "pointer"
    assert [names[place] for place in spread(names, 2)] == ["trial", "pointer"]


@pytest.mark.parametrize(
    ("step", "row"),
    [
        ("before object: rename", "object"),
        ("after PUT photo", "PUT photo"),
        ("before GET pointer", "GET pointer"),
        ("before PUT pointer", "before PUT pointer"),
        ("after PUT pointer", "after PUT pointer"),
        ("before pointer: rename", "before pointer: rename"),
        ("during the trial", "during the trial"),
    ],
)
def test_writes_of_the_pointer_have_rows_of_their_own(step: str, row: str):
    assert check.shown(step) == row
