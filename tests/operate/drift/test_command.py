import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import boto3
import numpy as np
import pytest
from moto import mock_aws

from lambda_app.release.manifest import Manifest
from lambda_app.store.folder import FolderStore
from operate.drift.command import NO_SIGN, RETRAIN, TOO_FEW, UNUSABLE, main
from tests.operate.drift.photos import CATEGORIES, CELLS, LAST, reference
from tests.releases import build_release, publish_directly

Write = Callable[..., Path]


@pytest.fixture
def live(tmp_path: Path) -> Manifest:
    """The manifest of the live release of `tmp_path / "store"`; its reference is that of the other tests."""
    folder = tmp_path / "release"
    manifest = build_release(folder, products=4, categories=CATEGORIES, reference=reference(600), smoke=())
    publish_directly(FolderStore(tmp_path / "store"), folder, manifest)
    return manifest


def lines(release: str, days: int, each: int, shift: float = 0.0, last: datetime = LAST) -> list[str]:
    """Lines of a log; in the last seven days the scores are lower by `shift`."""
    random = np.random.default_rng(3)
    made = []
    for day in range(days):
        for number in range(each):
            cell = int(random.integers(CELLS))
            score = random.triangular(0.4, 0.7, 0.99) - (shift if day < 7 else 0)
            fields: dict[str, object] = {
                "time": (last - timedelta(days=day)).isoformat(),
                "request_id": f"{day}-{number}",
            }
            fields |= {"release": release, "category": CATEGORIES[cell % 4], "cell": cell, "filtered": False}
            made.append(json.dumps({**fields, "top_score": round(score, 6)}))
    return made


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def log(*args, **kwargs) -> Path:
        (tmp_path / "api.log").write_text("\n".join(lines(*args, **kwargs)))
        return tmp_path / "api.log"

    return log


def test_days_like_those_before_are_no_drift(live, write, tmp_path, capsys):
    log = write(live.release, 35, 80)
    assert main(["--logs", str(log), "--store", str(tmp_path / "store")]) == NO_SIGN
    printed = capsys.readouterr().out
    assert "560 photos from 2026-11-19 to 2026-11-25" in printed
    assert "compared with 2,240 photos of the days before" in printed
    assert printed.endswith("No sign of drift.\n")


def test_drift_is_said_with_what_has_moved(live, write, tmp_path, capsys):
    log = write(live.release, 35, 80, shift=0.15)
    assert main(["--logs", str(log), "--store", str(tmp_path / "store")]) == RETRAIN
    assert "\nDrift: top scores" in capsys.readouterr().out


def test_a_log_without_earlier_days_is_compared_with_the_reference(live, write, tmp_path, capsys):
    log = write(live.release, 7, 100, shift=0.15)
    assert main(["--logs", str(log), "--store", str(tmp_path / "store"), "--json"]) == RETRAIN
    found = json.loads(capsys.readouterr().out)
    assert (found["against"], found["compared"], found["retrain"]) == ("reference", 600, True)
    assert next(shift["kind"] for shift in found["shifts"] if shift["verdict"] == "retrain") == "top scores"
    assert found["unlike"][0]["examples"]


def test_a_few_photos_give_no_verdict(live, write, tmp_path, capsys):
    log = write(live.release, 3, 10)
    assert main(["--logs", str(log), "--store", str(tmp_path / "store")]) == TOO_FEW
    assert "Too few photos to say anything." in capsys.readouterr().out


def test_photos_of_an_unknown_release_do_not_count(live, write, tmp_path, capsys):
    log = write("20250101-000000-00000000", 7, 100)
    assert main(["--logs", str(log), "--store", str(tmp_path / "store")]) == TOO_FEW
    assert "700 of other models" in capsys.readouterr().out


def test_a_release_without_a_reference_is_named(tmp_path, write, capsys):
    manifest = build_release(tmp_path / "release", products=2)
    publish_directly(FolderStore(tmp_path / "store"), tmp_path / "release", manifest)
    assert main(["--logs", str(write(manifest.release, 7, 9)), "--store", str(tmp_path / "store")]) == UNUSABLE
    assert "has no reference; train it again" in capsys.readouterr().err


def test_a_store_that_is_none_and_a_wrong_option_are_refused(tmp_path, write, capsys):
    assert main(["--logs", str(write("20250101-000000-00000000", 1, 1)), "--store", str(tmp_path / "no")]) == UNUSABLE
    for wrong in (["--days", "0"], ["--until", "yesterday"]):
        with pytest.raises(SystemExit) as ended:
            main(["--logs", "x", "--store", "y", *wrong])
        assert ended.value.code == UNUSABLE


def test_a_log_group_is_read_up_to_yesterday(live, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    yesterday = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=1)
    with mock_aws():
        logs = boto3.client("logs")
        logs.create_log_group(logGroupName="/aws/lambda/api")
        logs.create_log_stream(logGroupName="/aws/lambda/api", logStreamName="s")
        for line in reversed(lines(live.release, 7, 20, last=yesterday)[::20]):
            when = datetime.fromisoformat(json.loads(line)["time"])
            event = {"timestamp": int(when.timestamp() * 1000), "message": line}
            logs.put_log_events(logGroupName="/aws/lambda/api", logStreamName="s", logEvents=[event])
        code = main(["--logs", "/aws/lambda/api", "--store", str(tmp_path / "store"), "--json"])
    found = json.loads(capsys.readouterr().out)
    assert code == TOO_FEW
    assert (found["photos"], found["last"]) == (7, yesterday.date().isoformat())


@pytest.mark.parametrize("name", ["typo.log", "logs/typo.gz", "{folder}/typo", "./typo"])
def test_a_file_that_is_not_there_is_said_in_one_line(live, tmp_path, capsys, name):
    path = name.format(folder=tmp_path)
    assert main(["--logs", path, "--store", str(tmp_path / "store")]) == UNUSABLE
    assert capsys.readouterr().err == f"scripts/drift: no such file: {path}\n"


def test_a_log_group_without_a_region_or_that_is_not_there_is_said_in_one_line(live, tmp_path, capsys, monkeypatch):
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    told = []
    with mock_aws():
        for region in (None, "us-east-1"):
            if region:
                monkeypatch.setenv("AWS_DEFAULT_REGION", region)
            assert main(["--logs", "/aws/lambda/typo", "--store", str(tmp_path / "store")]) == UNUSABLE
            told.append(capsys.readouterr().err)
    assert all(text.count("\n") == 1 for text in told)
    assert "region" in told[0]
    assert "ResourceNotFoundException" in told[1]


def test_a_store_without_a_live_release_is_said_with_the_way_out(tmp_path, write, capsys):
    (tmp_path / "empty" / "releases").mkdir(parents=True)
    log = write("20260101-000000-00000000", 7, 10)
    assert main(["--logs", str(log), "--store", str(tmp_path / "empty")]) == 2
    said = f"scripts/drift: nothing is live in {tmp_path / 'empty'}; publish a release first (scripts/publish)\n"
    assert capsys.readouterr().err == said
