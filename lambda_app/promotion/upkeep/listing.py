"""The releases in a store, as an operator sees them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import PurePosixPath

from lambda_app.errors import MissingObjectError, ReleaseError
from lambda_app.promotion.floor import quality
from lambda_app.promotion.stored import forced_key, manifest_key
from lambda_app.promotion.succession import models_before
from lambda_app.promotion.upkeep.origin import origin
from lambda_app.release.manifest import MANIFEST, Manifest, Pointer, read_manifest
from lambda_app.store.contract import RELEASES, Store


@dataclass(frozen=True)
class StoredRelease:
    """A stored release, as one row of `scripts/releases list`.

    Attributes:
        release: its id.
        stored_at: when its manifest was last written, by the store's clock.
        data: the bytes of its manifest.
        manifest: None if this code cannot read it; `problem` then says why.
        live: whether this release is live.
        previous: whether it was live directly before the live one.
        of_model_before: whether a rollback of the model goes to it.
        origin: where it comes from, in a few words; None if its manifest cannot be read.
        forced: what it was forced past when it went live, in words; None if it needed no force.
    """

    release: str
    stored_at: datetime
    data: bytes
    manifest: Manifest | None
    problem: str | None
    live: bool
    previous: bool
    of_model_before: bool = False
    forced: str | None = None
    origin: str | None = None

    @property
    def figures(self) -> dict[str, float]:
        """Test accuracy and recall@4, if they were measured."""
        return {} if self.manifest is None else quality(self.manifest)

    @property
    def made_at(self) -> datetime:
        """When it was created; if its manifest cannot be read, when it was stored."""
        return self.stored_at if self.manifest is None else self.manifest.created_at


def list_releases(store: Store) -> list[StoredRelease]:
    """All stored releases, newest first. One that cannot be read is among them."""
    try:
        live = store.read_pointer()
    except MissingObjectError:
        live = None
    pointer = live.pointer if live is not None else None
    times = dict(store.times(RELEASES))
    ids = [parts[1] for key in times if len(parts := PurePosixPath(key).parts) == 3 and parts[2] == MANIFEST]
    others = models_before(store, pointer) if pointer is not None else ()
    of_model_before = next((one.release for one in others if one.release in ids), None)
    found = (_row(store, release, times, pointer, of_model_before) for release in ids)
    rows = sorted((row for row in found if row is not None), key=lambda row: row.made_at, reverse=True)
    known = {row.release: row.manifest for row in rows}
    return [_with_origin(store, row, known) for row in rows]


def _with_origin(store: Store, row: StoredRelease, known: Mapping[str, Manifest | None]) -> StoredRelease:
    if row.manifest is None:
        return row
    parent = None if row.manifest.parent is None else known.get(row.manifest.parent)
    return replace(row, origin=origin(store, row.manifest, parent))


def _row(
    store: Store, release: str, times: dict[str, datetime], pointer: Pointer | None, of_model_before: str | None
) -> StoredRelease | None:
    """None if the release was deleted after `times` were listed."""
    manifest: Manifest | None = None
    problem: str | None = None
    try:
        data = store.read(manifest_key(release))
        found = read_manifest(data)
    except MissingObjectError:
        return None
    except ReleaseError as exc:
        problem = str(exc)
    else:
        if found.release == release:
            manifest = found
        else:
            problem = f"{MANIFEST} is of {found.release}"
    return StoredRelease(
        release,
        times[manifest_key(release)],
        data,
        manifest,
        problem,
        live=pointer is not None and release == pointer.release,
        previous=pointer is not None and release == pointer.previous,
        of_model_before=release == of_model_before,
        forced=_forced(store, release) if forced_key(release) in times else None,
    )


def _forced(store: Store, release: str) -> str | None:
    try:
        words = json.loads(store.read(forced_key(release)))["forced"]
    except (MissingObjectError, ValueError, KeyError, TypeError):
        return None
    return str(words) if words else None
