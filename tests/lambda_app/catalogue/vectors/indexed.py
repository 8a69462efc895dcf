"""Releases in a folder store and an index in the extended S3 Vectors, for the tests of loading."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from lambda_app.catalogue.vectors.index import VectorsIndex
from lambda_app.catalogue.vectors.loading import Loader
from lambda_app.catalogue.vectors.pacing import Pace
from lambda_app.catalogue.vectors.retrying import Retries
from lambda_app.catalogue.vectors.rows import opened_rows
from lambda_app.release.manifest import MANIFEST, Manifest
from lambda_app.search.s3vectors.schema import metadata_of
from lambda_app.store.contract import OBJECTS, RELEASES, Store
from lambda_app.store.folder import FolderStore
from tests.catalogue_changes import NOW
from tests.s3vectors.server import VECTOR_BUCKET, S3VectorsServer

CALLS = ("get_index", "create_index", "put_vectors", "delete_vectors", "list_vectors")
# A merge stores vectors of a small segment in the bits of the large one.
CLOSE = 0.07


class KilledError(BaseException):
    """The process ends here."""


@dataclass
class Killer:
    """Counts steps, and ends the process at one of them, before or after it is carried out."""

    at: int | None = None
    after: bool = False
    steps: int = 0

    def wrap(self, send: Callable[..., Any]) -> Callable[..., Any]:
        def step(*args: Any, **arguments: Any) -> Any:
            self.steps += 1
            own = self.at is not None and self.steps >= self.at  # what other threads do after that is lost too
            if own and not (self.after and self.steps == self.at):
                raise KilledError
            done = send(*args, **arguments)
            if own:
                raise KilledError
            return done

        return step


@dataclass
class Client:
    """A client whose calls are steps."""

    real: Any
    killer: Killer = field(default_factory=Killer)

    def __getattr__(self, name: str) -> Any:
        return self.killer.wrap(getattr(self.real, name)) if name in CALLS else getattr(self.real, name)


class KilledStore(FolderStore):
    """A folder store whose conditional writes are steps."""

    killer = Killer()

    def replace(self, key: str, data: bytes, expected: str | None) -> None:
        self.killer.wrap(super().replace)(key, data, expected)


def no_wait(rate: float = 2_000) -> Pace:
    return Pace(rate, clock=lambda: 0.0, sleep=lambda _: None)


@cache
def client_of(server: S3VectorsServer) -> Any:
    """A client, which is made once because that takes longer than a load."""
    return server.client()


def keep(store: Store, manifest: Manifest, files: Callable[[Any], Path]) -> None:
    """Put a release into the store without its model, which a load does not need."""
    for entry in manifest.files():
        if entry.file != manifest.model.file and not store.exists(OBJECTS + entry.sha256):
            store.upload(OBJECTS + entry.sha256, files(entry))
    store.write(f"{RELEASES}{manifest.release}/{MANIFEST}", manifest.to_json())


def index_of(server: S3VectorsServer, manifest: Manifest, killer: Killer | None = None, **retries: Any) -> VectorsIndex:
    found = VectorsIndex.of_model(Client(client_of(server), killer or Killer()), VECTOR_BUCKET, manifest.model.sha256)
    found.retries = Retries(**({"sleep": lambda _: None} | retries))
    return found


def counted(index: VectorsIndex) -> Counter[str]:
    """How often each key is put into an index from now on, whether or not the call succeeds."""
    sent: Counter[str] = Counter()
    real = index.put

    def put(vectors: Any, *ready: Any) -> None:
        sent.update(one["key"] for one in vectors)
        real(vectors, *ready)

    index.put = put  # type: ignore[method-assign, assignment]
    return sent


def loader(store: Store, *, later: timedelta = timedelta(0), **options: Any) -> Loader:
    given: dict[str, Any] = {"pace": no_wait(), "connections": 1, "now": lambda: NOW + later}
    return Loader(store, **(given | options))


def stored(server: S3VectorsServer, index: VectorsIndex) -> dict[str, dict[str, Any]]:
    """All vectors of an index, by key."""
    names = {"vectorBucketName": index.bucket, "indexName": index.name}
    pages = client_of(server).get_paginator("list_vectors").paginate(**names, returnData=True, returnMetadata=True)
    return {found["key"]: found for page in pages for found in page["vectors"]}


def expected(store: Store, manifest: Manifest) -> dict[str, tuple[np.ndarray, dict[str, Any]]]:
    """Vectors and metadata of a release's items without row numbers, read item by item."""
    with opened_rows(manifest, store.local_file) as held:
        found = {}
        for row in held.rows.tolist():
            (item,), fingerprints, (vector,) = held.photos([row])
            metadata = metadata_of(0, item, fingerprints[0])
            found[item.image_id] = vector, without_row(metadata)
        return found


def without_row(metadata: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in metadata.items() if name != "row"}


def check_equal(server: S3VectorsServer, index: VectorsIndex, store: Store, manifest: Manifest) -> None:
    """The index holds the release's items and no others, each with a row of its own."""
    found, wanted = stored(server, index), expected(store, manifest)
    assert found.keys() == wanted.keys()
    rows = [one["metadata"]["row"] for one in found.values()]
    assert len(set(rows)) == len(rows)
    for key, (vector, metadata) in wanted.items():
        assert without_row(found[key]["metadata"]) == metadata
        np.testing.assert_allclose(found[key]["data"]["float32"], vector, atol=CLOSE)


def rows_in(found: Mapping[str, dict[str, Any]]) -> dict[str, int]:
    return {key: one["metadata"]["row"] for key, one in found.items()}
