import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from reliability.conformance.results import Results
from reliability.conformance.suite import Outcome

PASSED = Outcome("searching.category", "One category.", None, 0.25)
FAILED = Outcome("words.one_word", "A word.", "MismatchError: a | b\nc", 1.0)


def results(*outcomes: Outcome, **changes) -> Results:
    made = Results(
        endpoint="https://s3vectors.eu-west-1.api.aws",
        region="eu-west-1",
        vector_bucket="shop",
        index="items-0123",
        vectors=720,
        began=datetime(2026, 11, 26, 9, 5, 7, tzinfo=UTC),
        outcomes=list(outcomes),
    )
    return replace(made, **changes)


def test_the_files_are_dated_and_hold_every_case(tmp_path):
    path = results(PASSED, FAILED).write(tmp_path / "out")
    assert path.name == "conformance-2026-11-26T09-05-07Z.json"
    found = json.loads(path.read_text())
    assert found["began"] == "2026-11-26T09:05:07+00:00"
    assert (found["amazon"], found["conforms"], found["error"]) == (True, False, None)
    assert found["cases"][1] == {
        "case": "words.one_word",
        "about": "A word.",
        "problem": "MismatchError: a | b\nc",
        "seconds": 1.0,
    }
    page = path.with_suffix(".md").read_text()
    assert "# Conformance of 26 November 2026, 09:05 UTC" in page
    assert "1 of 2 cases passed on Amazon S3 Vectors, region eu-west-1." in page
    assert "| `searching.category` | One category. | passed | 0.25 |" in page
    assert "| `words.one_word` | A word. | MismatchError: a \\| b c | 1.00 |" in page


@pytest.mark.parametrize(
    ("endpoint", "amazon"),
    [
        ("https://s3vectors.us-east-1.api.aws", True),
        ("https://s3vectors.us-gov-west-1.amazonaws.com", True),
        ("http://127.0.0.1:4567", False),
        ("https://s3vectors.api.aws.example.org", False),
    ],
)
def test_an_imitation_is_told_from_the_service(endpoint: str, amazon: bool):
    found = results(PASSED, endpoint=endpoint)
    assert found.amazon == found.as_dict()["amazon"] == amazon
    assert ("imitation" in found.summary()) != amazon


def test_only_a_whole_run_without_failures_conforms():
    assert results(PASSED).conforms
    assert not results(PASSED, FAILED).conforms
    assert not results().conforms
    ended = results(PASSED, error="StoreError: denied")
    assert not ended.conforms
    assert ended.summary().endswith("ended early: StoreError: denied")
