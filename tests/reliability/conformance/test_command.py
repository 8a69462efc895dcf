"""scripts/conformance against the extended S3 Vectors."""

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from reliability.conformance import command, suite
from reliability.conformance.cases import items, routes, words
from reliability.conformance.service.expected import MismatchError
from reliability.conformance.service.shop import Shop, build_shop
from reliability.conformance.service.subject import Subject
from tests.s3vectors.server import VECTOR_BUCKET, S3VectorsServer

ARGUMENTS = ["--vector-bucket", VECTOR_BUCKET, "--out"]


@pytest.fixture
def account(s3vectors: S3VectorsServer, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> S3VectorsServer:
    """The server in place of Amazon's, and a catalogue that is there already."""
    monkeypatch.setattr(command, "build_shop", lambda _folder, seed: shop)
    for name, value in s3vectors.environment().items():
        monkeypatch.setenv(name, value)
    return s3vectors


def run(monkeypatch: pytest.MonkeyPatch, out: Path, **cases: suite.Case) -> tuple[int, dict[str, Any]]:
    """The exit code of a run of a few cases, and the result file."""
    monkeypatch.setattr(suite, "CASES", cases)
    try:
        code = command.main([*ARGUMENTS, str(out)])
    except SystemExit as exc:
        code = int(str(exc.code))
    (path,) = out.glob("*.json")
    return code, json.loads(path.read_text())


def left(account: S3VectorsServer) -> list[str]:
    """The names of the indexes in the vector bucket."""
    found = account.client().list_indexes(vectorBucketName=VECTOR_BUCKET)["indexes"]
    return [index["indexName"] for index in found]


def test_without_a_vector_bucket_it_says_what_it_costs_and_does_nothing(
    account: S3VectorsServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert command.main(["--out", str(tmp_path / "out")]) == 2
    told = capsys.readouterr().out
    assert "0.01 USD" in told
    assert "Nothing was done" in told
    assert account.calls == []
    assert not (tmp_path / "out").exists()


def test_every_run_has_an_index_of_its_own(
    account: S3VectorsServer, shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    names = {build_shop(tmp_path / str(seed), seed=seed).manifest.model.sha256 for seed in (0, 1)}
    assert len(names) == 2
    seeds: list[int] = []

    def built(_folder: Path, seed: int) -> Shop:
        seeds.append(seed)
        return shop

    monkeypatch.setattr(command, "build_shop", built)
    for number in range(2):
        run(monkeypatch, tmp_path / f"out{number}", ids=items.items_by_id)
    assert len(set(seeds)) == 2


def test_the_cases_are_run_on_an_index_that_is_then_deleted(
    account: S3VectorsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    client = account.client()
    settings = {"dataType": "float32", "dimension": 2, "distanceMetric": "cosine"}
    client.create_index(vectorBucketName=VECTOR_BUCKET, indexName="items-of-somebody", **settings)
    account.calls.clear()
    code, found = run(monkeypatch, tmp_path, release=routes.release, words=words.one_word, ids=items.items_by_id)
    assert code == 0, found["cases"]
    assert (found["conforms"], found["error"], found["vectors"]) == (True, None, 723)
    assert (found["amazon"], found["endpoint"], found["region"]) == (False, account.url, "us-east-1")
    assert [case["case"] for case in found["cases"]] == ["release", "words", "ids"]
    counts = account.counts()
    assert counts["CreateIndex"] == counts["DeleteIndex"] == 1
    assert {call.status for call in account.calls if call.operation != "GetIndex"} == {200}
    assert left(account) == ["items-of-somebody"]
    told = capsys.readouterr().out
    assert f"The index is {found['index']}." in told
    assert "0.01 USD" in told
    assert "3 of 3 cases passed on an imitation of S3 Vectors" in told


def test_a_case_that_fails_is_reported_with_what_was_wrong(
    account: S3VectorsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def wrong(_subject: Subject) -> None:
        """This is never right."""
        raise MismatchError("3 results instead of 4")

    code, found = run(monkeypatch, tmp_path, wrong=wrong, release=routes.release)
    assert code == 1
    assert [case["problem"] for case in found["cases"]] == ["MismatchError: 3 results instead of 4", None]
    assert not found["conforms"]
    assert left(account) == []
    assert "FAILED: MismatchError: 3 results instead of 4" in capsys.readouterr().out


def test_a_run_that_is_ended_deletes_its_index_and_writes_what_it_has(
    account: S3VectorsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def ended(_subject: Subject) -> None:
        """Somebody ends the process."""
        assert len(left(account)) == 1
        signal.raise_signal(signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    code, found = run(monkeypatch, tmp_path, release=routes.release, ended=ended)
    assert code == 1
    assert found["error"].startswith("SystemExit")
    assert [case["case"] for case in found["cases"]] == ["release"]
    assert left(account) == []
    assert signal.getsignal(signal.SIGTERM) == before


@pytest.mark.parametrize("action", ["CreateIndex", "PutVectors", "QueryVectors"])
def test_a_missing_right_is_told_and_leaves_no_index(
    account: S3VectorsServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    action: str,
):
    account.backend.denied.add(f"s3vectors:{action}")
    code, found = run(monkeypatch, tmp_path, words=words.one_word)
    assert (code, found["conforms"]) == (1, False)
    assert left(account) == []
    assert "0 of " in capsys.readouterr().out


def test_an_unknown_vector_bucket_is_named(
    account: S3VectorsServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert command.main(["--vector-bucket", "no-such-bucket", "--out", str(tmp_path)]) == 1
    assert "there is no vector bucket no-such-bucket" in capsys.readouterr().out
