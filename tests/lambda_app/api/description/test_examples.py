"""The examples are what the service answers."""

import re
from pathlib import Path
from typing import Any

import pytest

from lambda_app.api.description.answers import read_examples
from tests.lambda_app.api.description.examples import VOLATILE, examples

_RELEASE = re.compile(r"\d{8}-\d{6}-[0-9a-f]{8}")


def comparable(value: Any, key: str = "") -> Any:
    """A value without what differs from run to run; decoders of photos round in their own ways."""
    if isinstance(value, dict):
        return {name: comparable(one, name) for name, one in value.items()}
    if isinstance(value, list):
        return [comparable(one) for one in value]
    if isinstance(value, float):
        return pytest.approx(value, abs=0.02, rel=0.02)
    if key in VOLATILE:
        return type(value).__name__
    return _RELEASE.sub("ID", value) if isinstance(value, str) else value


def test_the_examples_are_what_a_small_release_answers(tmp_path: Path):
    made = comparable(examples(tmp_path))
    assert comparable(read_examples()) == made, "python -m tests.lambda_app.api.description.examples writes them again"
