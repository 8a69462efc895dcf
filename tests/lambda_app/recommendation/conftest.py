"""Fixtures of the tests of the live release."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.lambda_app.conftest import BuiltRelease
from tests.lambda_app.recommendation.troubled import TroubledStore, finish_loading
from tests.releases import publish_directly


@pytest.fixture
def store(tmp_path: Path) -> Iterator[TroubledStore]:
    """Empty; whatever still loads at the end is let go."""
    store = TroubledStore(tmp_path / "store")
    yield store
    finish_loading(store)


@pytest.fixture
def publish(store: TroubledStore) -> Callable[[BuiltRelease], str]:
    def publish(release: BuiltRelease) -> str:
        publish_directly(store, release.folder, release.manifest)
        return release.manifest.release

    return publish
