"""A small release, a folder store with it, and a client of the application that serves it."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from lambda_app.api.app import create_app
from lambda_app.release.manifest import Manifest
from lambda_app.settings import Settings
from lambda_app.store.folder import FolderStore
from tests.releases import CREATED_AT, build_release, publish_directly
from tests.s3_server import S3Server


@dataclass(frozen=True)
class BuiltRelease:
    """A release in a folder."""

    folder: Path
    manifest: Manifest

    def photo(self, image_id: str) -> bytes:
        """The bytes of a catalog photo."""
        return (self.folder / "photos" / f"{image_id}.jpg").read_bytes()


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> BuiltRelease:
    """40 photos of 20 products; tests must not change it."""
    folder = tmp_path_factory.mktemp("release")
    return BuiltRelease(folder, build_release(folder))


@pytest.fixture(scope="session")
def other(tmp_path_factory: pytest.TempPathFactory) -> BuiltRelease:
    """A newer release with another network; tests must not change it."""
    folder = tmp_path_factory.mktemp("other")
    created_at = CREATED_AT + timedelta(days=1)
    return BuiltRelease(folder, build_release(folder, seed=1, created_at=created_at))


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory, built: BuiltRelease) -> FolderStore:
    """A store whose live release is `built`; tests must not change it."""
    store = FolderStore(tmp_path_factory.mktemp("shop"))
    publish_directly(store, built.folder, built.manifest)
    return store


@pytest.fixture(scope="session")
def settings(shop: FolderStore) -> Settings:
    """Settings that serve `shop` with small limits."""
    return Settings(store=str(shop), threads=1, max_body_bytes=200_000, max_batch=3)


@pytest.fixture(scope="session")
def client(settings: Settings, shop: FolderStore) -> Iterator[TestClient]:
    """A client of the application that serves `shop`."""
    with TestClient(create_app(settings, shop)) as client:
        yield client


@pytest.fixture
def store(tmp_path: Path, built: BuiltRelease) -> FolderStore:
    """A new store for each test, whose live release is `built`."""
    store = FolderStore(tmp_path / "store")
    publish_directly(store, built.folder, built.manifest)
    return store


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    """An S3 server for the whole session; tests use the fixture `s3`."""
    with closing(S3Server()) as server:
        yield server


@pytest.fixture
def s3(s3_server: S3Server) -> S3Server:
    """An S3 server with one empty bucket, `BUCKET`."""
    s3_server.reset()
    return s3_server


@pytest.fixture(scope="session")
def photo(built: BuiltRelease) -> bytes:
    """Photo 003a of the catalog: row 6, product-003, category "Other Goods"."""
    return built.photo("003a")
