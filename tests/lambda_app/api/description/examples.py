"""Asks a small release for one answer of each operation and for each error: the examples of /openapi.json.

python -m tests.lambda_app.api.description.examples     writes them again, after an answer has changed
"""

import asyncio
import json
import os
import re
import tempfile
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from lambda_app.api.app import create_app
from lambda_app.api.description.answers import EXAMPLES
from lambda_app.settings import Settings
from lambda_app.store.bucket import S3Store
from lambda_app.store.folder import FolderStore
from tests.releases import build_release, publish_directly

# Differ from run to run, or from machine to machine.
VOLATILE = {"release", "loaded_at", "expires_at", "key", "policy", "x-amz-signature", "x-amz-date", "x-amz-credential"}
_RELEASE = re.compile(r"\d{8}-\d{6}-[0-9a-f]{8}")
_ITEM = {"product_id": "sofa-7", "category": "Home & Garden", "title": "Red sofa", "price": 90.0}


def examples(folder: Path) -> dict[str, Any]:
    """The answers by operation id, and the problems by status; `folder` is empty."""
    app = application(folder)
    settings, store = app.state.service.settings, app.state.service.store
    photo = (folder / "release" / "photos" / "003a.jpg").read_bytes()
    with TestClient(app) as client:
        answers = {name: _checked(ask(), 200, 202) for name, ask in _questions(client, photo).items()}
        problems = {str(status): _checked(ask(), status) for status, ask in _mistakes(client, photo).items()}
    with TestClient(create_app(replace(settings, catalogue_writes="iam"), store)) as client:
        problems["403"] = _checked(client.delete("/items/003a"), 403)
    with TestClient(create_app(replace(settings, store=str(folder)), FolderStore(folder))) as client:
        problems["503"] = _checked(client.get("/items/003a"), 503)
    problems["408"] = _too_slow(settings, store)
    return {
        "answers": {**answers, "createUpload": _ticket()},
        "problems": dict(sorted(problems.items())),
    }


def application(folder: Path) -> FastAPI:
    """The service that is asked. It writes changes to the log, and does not apply them."""
    manifest = build_release(folder / "release", printed=True, referenced=True, currency="EUR")
    store = FolderStore(folder / "store")
    publish_directly(store, folder / "release", manifest)
    settings = Settings(store=str(folder / "store"), threads=1, catalogue_writes="open", ready_wait_seconds=5)
    app = create_app(settings, store)
    app.state.service = replace(app.state.service, applier=None)
    return app


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


def write() -> None:
    """Ask, and write the file of the package."""
    with tempfile.TemporaryDirectory() as folder:
        EXAMPLES.write_text(json.dumps(examples(Path(folder)), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _questions(client: TestClient, photo: bytes) -> dict[str, Callable[[], Any]]:
    two: Any = {"params": {"k": 2}}
    file: Any = {"file": ("lamp.jpg", photo, "image/jpeg")}
    return {
        "getHealth": lambda: client.get("/healthcheck"),
        "getReadiness": lambda: client.get("/readyz"),
        "getRelease": lambda: client.get("/release"),
        "predict": lambda: client.post("/predict", files=file, **two),
        "predictCategory": lambda: client.post("/predict/category", files=file, **two),
        "featureEmbedding": lambda: client.post("/predict/feature_embedding", files=file),
        "similarImages": lambda: client.post("/predict/similar_images", files=file, **two),
        "findDuplicates": lambda: client.post("/predict/duplicates", files=file),
        "predictBatch": lambda: client.post(
            "/predict/batch", params={"k": 1}, files=[("files", file["file"]), ("files", ("note.txt", b"not a photo"))]
        ),
        "browseItems": lambda: client.get("/items", params={"after": 4, "k": 2}),
        "listExamples": lambda: client.get("/examples"),
        "getItem": lambda: client.get("/items/003a"),
        "similarItems": lambda: client.get("/items/003a/similar", **two),
        "recommend": lambda: client.post("/recommend", json={"liked": ["003a"], "disliked": ["004a"], "k": 2}),
        "searchItems": lambda: client.get("/search", params={"q": "solid oak", "k": 2}),
        "putItem": lambda: client.put(
            "/items/sofa-7a", data={"item": json.dumps(_ITEM)}, files={"file": ("sofa.jpg", photo, "image/jpeg")}
        ),
        "deleteItem": lambda: client.delete("/items/003b"),
        "changeItems": lambda: client.post(
            "/items:batch", json={"changes": [{"op": "update", "image_id": "003a", "set": {"price": 35}}]}
        ),
    }


def _mistakes(client: TestClient, photo: bytes) -> dict[int, Callable[[], Any]]:
    text = b"not a photo"
    return {
        400: lambda: client.post("/predict", files={"photo": photo}),
        404: lambda: client.get("/items/nowhere"),
        413: lambda: client.post("/predict", content=bytes(5 << 20), headers={"Content-Type": "image/jpeg"}),
        415: lambda: client.post("/predict", content=text, headers={"Content-Type": "image/jpeg"}),
        422: lambda: client.get("/items/003a/similar", params={"k": 1000}),
        501: lambda: client.post("/uploads", json={"content_type": "image/jpeg"}),
    }


def _checked(answer: Any, *statuses: int) -> Any:
    assert answer.status_code in statuses, answer.text
    return answer.json()


def _too_slow(settings: Settings, store: FolderStore) -> Any:
    """The answer to a request whose body does not arrive."""
    app = create_app(replace(settings, body_seconds=0.1), store)
    sent: list[Any] = []

    async def receive() -> Any:
        await asyncio.Event().wait()

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/predict",
        "raw_path": b"/predict",
        "query_string": b"",
        "headers": [(b"host", b"127.0.0.1"), (b"content-type", b"image/jpeg")],
        "server": ("127.0.0.1", 80),
        "client": ("127.0.0.1", 50000),
        "root_path": "",
    }
    asyncio.run(app(scope, receive, send))
    assert sent[0]["status"] == 408
    return json.loads(b"".join(message.get("body", b"") for message in sent))


def _ticket() -> dict[str, Any]:
    """The form for an upload into a bucket. It is signed here: S3 is not asked."""
    account = {"AWS_ACCESS_KEY_ID": "EXAMPLE", "AWS_SECRET_ACCESS_KEY": "none", "AWS_DEFAULT_REGION": "eu-west-1"}
    with patch.dict(os.environ, account):
        ticket = S3Store("shop-photos").upload_ticket("image/jpeg", Settings(store="unused").max_upload_bytes)
    return {**asdict(ticket), "expires_at": ticket.expires_at.isoformat()}


if __name__ == "__main__":
    write()
