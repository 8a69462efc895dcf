"""One small catalogue that the tests of `sample` read."""

from pathlib import Path

import pytest

from sample.generate import SampleSummary, generate

PHOTOS = 60


@pytest.fixture(scope="session")
def small(tmp_path_factory) -> tuple[Path, SampleSummary]:
    """The smallest catalogue and its summary."""
    out = tmp_path_factory.mktemp("sample") / "catalogue"
    return out, generate(out, photos=PHOTOS, workers=1)
