"""The real API with a small release on a local port."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import uvicorn
from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from lambda_app.api.app import create_app
from lambda_app.settings import Settings
from lambda_app.store.folder import FolderStore
from tests.releases import DATASET, build_release, publish_directly


@dataclass(frozen=True)
class Served:
    """A running API: its address, the photos of its release by image id, and their folder in the store."""

    url: str
    photos: dict[str, Path]
    stored: Path


@pytest.fixture(scope="package")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """An API with a live release of 20 products, two photos each."""
    folder = tmp_path_factory.mktemp("release")
    root = tmp_path_factory.mktemp("store")
    store = FolderStore(root)
    publish_directly(store, folder, build_release(folder))
    photos = {path.stem: path for path in (folder / "photos").iterdir()}
    yield from (Served(url, photos, root / DATASET / "photos") for url in run(store, root))


@pytest.fixture(scope="package")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an API whose store has no live release."""
    root = tmp_path_factory.mktemp("empty")
    yield from run(FolderStore(root), root)


@pytest.fixture
def gateway(served: Served) -> Iterator[str]:
    """The address of the API behind a gateway that lets the token "good" through."""
    app = create_app(Settings(store=str(served.stored.parents[len(Path(DATASET).parts)])))

    async def check(scope: Scope, receive: Receive, send: Send) -> None:
        token = Headers(scope=scope).get("authorization")
        allowed = token == "Bearer good" or scope["path"] == "/healthcheck"
        await (app if allowed else JSONResponse({"message": "Unauthorized"}, 401))(scope, receive, send)

    yield from serve(check)


def run(store: FolderStore, root: Path, **settings: str) -> Iterator[str]:
    """Serve a store on a free port until the generator is closed; keywords are further settings."""
    yield from serve(create_app(Settings(store=str(root), **settings), store))  # type: ignore[arg-type]


def serve(app: ASGIApp) -> Iterator[str]:
    """Serve an application on a free port until the generator is closed."""
    config = uvicorn.Config(app, port=0, log_level="warning", lifespan="off", ws="none")
    server = uvicorn.Server(config)
    listening = config.bind_socket()
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    # Listen before the server thread does, so that the kernel queues connections until the server accepts them.
    listening.listen()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    thread.join(timeout=10)
    listening.close()
