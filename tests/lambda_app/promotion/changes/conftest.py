from pathlib import Path

import pytest

from lambda_app.release.manifest import Manifest
from lambda_app.store.contract import Store
from lambda_app.store.folder import FolderStore
from tests.releases import build_release, publish_directly
from tests.s3_server import S3Server


@pytest.fixture(params=["folder", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path, s3: S3Server) -> Store:
    return FolderStore(tmp_path / "store") if request.param == "folder" else s3.store("shop", tmp_path / "cache")


@pytest.fixture
def made(store: Store, tmp_path: Path) -> Manifest:
    """The live release: 20 products with two photos each."""
    manifest = build_release(tmp_path / "release")
    publish_directly(store, tmp_path / "release", manifest)
    return manifest
