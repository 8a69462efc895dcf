import sys
from pathlib import Path

import pytest

from scripts.sample_catalogue import main


def test_a_folder_that_cannot_be_written_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "file").touch()
    out = tmp_path / "file" / "out"
    monkeypatch.setattr(sys, "argv", ["sample", str(out)])
    assert main() == 2
    expected = f"scripts/sample: {out} cannot be written: Not a directory; choose another folder\n"
    assert capsys.readouterr().err == expected
