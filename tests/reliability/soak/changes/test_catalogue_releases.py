import json
import os
from pathlib import Path

import pytest

from benchmarks.processes.server import SIMILAR
from reliability.soak.changes import catalogue_releases
from reliability.soak.changes.asking import Asked
from reliability.soak.changes.holding import deleted_files
from reliability.soak.load.connection import Reply
from tests.reliability.soak.quick import counts, missed


@pytest.mark.slow
def test_catalogue_releases_under_requests_open_one_session_and_give_no_failed_answer():
    report = catalogue_releases.run(quick=True)
    assert missed(report, "MB", " ms", " s") == [], report.notes
    assert counts(report, "ONNX sessions opened") == [1]


def reply(status: int, release: str, **body: object) -> Reply:
    return Reply(status, {"x-lookalike-release": release}, json.dumps(body).encode())


def test_failed_answers_and_answers_of_two_releases_are_noted():
    asked = Asked()
    asked.judge("/items/a", reply(200, "first", price=1.0))
    asked.judge("/items/a", reply(200, "first", price=2.0))
    asked.judge("/items/a", reply(200, "unknown", price=1.0))
    asked.judge("/items/a", reply(503, ""))
    assert (asked.count, len(asked.failed)) == (4, 1)
    assert asked.mixed({"first": 1.0, "second": 2.0}) == [
        "1 answers of first have the price 2.0; it is 1.0",
        "1 answers of unknown have the price 1.0; it is of no release",
    ]


def test_an_answer_that_shows_a_hidden_item_is_counted():
    asked = Asked()
    results = [{"image_id": "a"}, {"image_id": "b"}]
    asked.judge(SIMILAR, reply(200, "first", results=results))
    asked.hidden = "b"
    asked.judge(SIMILAR, reply(200, "first", results=results[:1]))
    assert (asked.shown, asked.nearest) == (0, ["a"])
    asked.judge(SIMILAR, reply(200, "first", results=results))
    assert asked.shown == 1


def test_a_deleted_file_that_is_still_open_is_found(tmp_path: Path):
    kept, deleted = tmp_path / "kept", tmp_path / "deleted"
    kept.touch()
    deleted.touch()
    with kept.open(), deleted.open():
        assert deleted_files(os.getpid(), tmp_path) == set()
        deleted.unlink()
        assert deleted_files(os.getpid(), tmp_path) == {f"{deleted} (deleted)"}
    assert deleted_files(os.getpid(), tmp_path) == set()
