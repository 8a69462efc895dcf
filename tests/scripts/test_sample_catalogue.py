import sys
from pathlib import Path

import pytest

from sample.plan import MIN_PHOTOS
from scripts.sample_catalogue import command_line, main


def test_a_folder_that_cannot_be_written_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "file").touch()
    out = tmp_path / "file" / "out"
    monkeypatch.setattr(sys, "argv", ["sample", str(out)])
    assert main() == 2
    expected = f"scripts/sample: {out} cannot be written: Not a directory; choose another folder\n"
    assert capsys.readouterr().err == expected


def test_the_planted_faults_have_a_heading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(sys, "argv", ["sample", str(tmp_path / "out"), "--photos", str(MIN_PHOTOS)])
    assert main() == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[2] == "faults put in on purpose, as real exports have them:"
    assert all(line.startswith("  ") for line in lines[3:])
    assert lines[3:]


def test_the_help_names_the_fewest_photos():
    assert f"at least {MIN_PHOTOS};" in " ".join(command_line().format_help().split())
