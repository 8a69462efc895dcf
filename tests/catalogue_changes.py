"""Changes of a catalogue for tests: written to the log of a store, and looked for in what is live."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from lambda_app.catalogue.changes import Change, read_change
from lambda_app.catalogue.log import append
from lambda_app.errors import UnknownItemError
from lambda_app.promotion.stored import stored_manifest
from lambda_app.recommendation.recommender import Recommender, load
from lambda_app.settings import Settings
from lambda_app.store.contract import Store
from tests.releases import CATEGORIES, CREATED_AT, DATASET, write_photos

SETTINGS = Settings(store="unused")
NOW = CREATED_AT + timedelta(days=1)


def now() -> datetime:
    return NOW


def change(**fields: Any) -> Change:
    return read_change(json.dumps(fields))


def removed(**which: str) -> Change:
    return change(op="remove", **which)


def upserted(store: Store, folder: Path, name: str, **fields: Any) -> Change:
    """A new photo, which the store has, and the change that adds it."""
    photo = next(iter(write_photos(folder / name, 1, seed=len(name) + 77).values()))
    key = f"{DATASET}photos/{name}.jpg"
    store.write(key, photo)
    item = {"image_id": name, "product_id": name, "category": CATEGORIES[0], "photo": key, "title": "New"} | fields
    return change(op="upsert", item=item)


def logged(store: Store, *changes: Change, at: datetime = NOW) -> list[int]:
    return append(store, changes, "test", f"batch-{at}-{len(changes)}-{changes[0]!r}"[:900], at)


def live(store: Store) -> Recommender:
    pointer = store.read_pointer()
    assert pointer is not None
    manifest = stored_manifest(store, pointer.pointer.release)
    return load(manifest, store.local_file, SETTINGS)


def has(recommender: Recommender, image_id: str) -> bool:
    try:
        recommender.item(image_id)
    except UnknownItemError:
        return False
    return True
