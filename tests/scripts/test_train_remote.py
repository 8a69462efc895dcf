import sys

import pytest

from scripts.train_remote import main


def test_without_a_region_the_way_out_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path
):
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setattr(sys, "argv", ["train-remote", "--dataset", "shop"])
    assert main() == 1
    assert capsys.readouterr().err == "scripts/train-remote: You must specify a region; set AWS_REGION\n"
