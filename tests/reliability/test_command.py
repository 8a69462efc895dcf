from pathlib import Path

import pytest

from benchmarks.figures.table import Goal, Report, Row, exact
from reliability import command


def check(failures: int):
    return lambda quick: Report([Row(f"failures, {quick}", exact(failures), goal=Goal("at most", 0))])


def test_a_missed_goal_is_the_exit_code_and_both_are_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    page = tmp_path / "page.md"
    page.write_text("<!-- begin good --><!-- end good -->\n<!-- begin bad --><!-- end bad -->\n")
    checks = {"good": check(0), "bad": check(3)}
    assert command.run("scripts/fuzz", "", checks, ["good", "--quick", "--docs", str(page)]) == 0
    assert "failures, True" in page.read_text()
    assert "MISSED" not in page.read_text()
    assert command.run("scripts/fuzz", "", checks, ["--docs", str(page)]) == 1
    assert "MISSED" in page.read_text()
    assert "failures, False" in capsys.readouterr().out


def test_an_unknown_check_is_named(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        command.run("scripts/fuzz", "", {"good": check(0)}, ["photo"])
    assert "unknown check photo; available: good" in capsys.readouterr().err
