"""The real application with a small release, asked without a network."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from lambda_app.api.app import create_app
from lambda_app.settings import Settings
from lambda_app.store.folder import FolderStore
from operate.smoke.messages import Answer, Request, Send
from tests.releases import build_release, publish_directly


def stored(folder: Path) -> FolderStore:
    """A new store with a live release of 40 photos."""
    store = FolderStore(folder / "store")
    publish_directly(store, folder / "release", build_release(folder / "release"))
    return store


def application(store: FolderStore, **settings: float) -> TestClient:
    """A client of the application that serves a store."""
    return TestClient(create_app(Settings(store=str(store), threads=1, **settings), store))  # type: ignore[arg-type]


@pytest.fixture(scope="package")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A client of an application with a live release; tests must not change it."""
    with application(stored(tmp_path_factory.mktemp("shop"))) as client:
        yield client


@pytest.fixture(scope="package")
def send(client: TestClient) -> Send:
    """Asks the application that serves a small release."""
    return sender(client)


def sender(client: TestClient) -> Send:
    """Asks the application of a client."""

    def send(request: Request) -> Answer:
        headers = {"Content-Type": request.media_type} if request.media_type else {}
        got = client.request(
            request.method, request.path, content=request.body, headers=headers, follow_redirects=False
        )
        return Answer(got.status_code, {name.lower(): value for name, value in got.headers.items()}, got.content)

    return send
