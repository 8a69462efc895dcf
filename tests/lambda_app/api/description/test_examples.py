"""The examples are what the service answers."""

from pathlib import Path

from lambda_app.api.description.answers import read_examples
from tests.lambda_app.api.description.examples import comparable, examples


def test_the_examples_are_what_a_small_release_answers(tmp_path: Path):
    made = comparable(examples(tmp_path))
    assert comparable(read_examples()) == made, "python -m tests.lambda_app.api.description.examples writes them again"
