"""Uploads with a service whose store is a bucket."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from client.api import LARGE, LookalikeClient
from lambda_app.api.app import create_app
from lambda_app.settings import Settings
from tests.client.conftest import serve
from tests.lambda_events import BUCKET
from tests.releases import build_release, encode, publish_directly
from tests.s3_server import S3Server

pytestmark = pytest.mark.slow


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """The address of a service with a small release in a bucket."""
    with closing(S3Server()) as s3:
        store = s3.store("", tmp_path / "cache")
        publish_directly(store, tmp_path / "release", build_release(tmp_path / "release"))
        yield from serve(create_app(Settings(store=f"s3://{BUCKET}"), store))


def test_large_photos_are_uploaded_and_photos_are_fetched_from_the_bucket(url: str, tmp_path: Path):
    noise = np.random.default_rng(0).integers(0, 256, (1200, 1200, 3), dtype=np.uint8)
    (tmp_path / "large.png").write_bytes(encode(Image.fromarray(noise), "PNG"))
    assert (tmp_path / "large.png").stat().st_size > LARGE
    small = tmp_path / "release" / "photos" / "003a.jpg"
    with LookalikeClient(url) as client:
        assert client.predict([small, tmp_path / "large.png"], k=2).results
        uploaded = client.upload(small)
        (nearest,) = client.similar_images(uploaded, k=1).results
        assert nearest.image_id == "003a"
        assert client.photo(nearest) == small.read_bytes()
