"""A folder like a clone of the repository after a first run: commands, a store, a release and a few photos."""

import csv
import os
import shutil
import sys
from datetime import timedelta
from pathlib import Path

from lambda_app.store.folder import FolderStore
from tests.archives import build_archive
from tests.docs.markdown import ROOT
from tests.releases import CREATED_AT, build_release, publish_directly, write_photos

# Scripts find the root by their own place, so they are copied: what they write then lies in the folder of the test.
_LINKED = ("client", "docs", "fetch", "lambda_app", "operate", "sample", "training", "pyproject.toml")
STORE = "var/store"


def make(folder: Path) -> None:
    """Make the folder. Nothing in it installs anything, or writes outside of it."""
    folder.mkdir()
    for name in _LINKED:
        (folder / name).symlink_to(ROOT / name)
    shutil.copytree(ROOT / "scripts", folder / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    _program(folder / "scripts" / "setup", "exit 0")  # tests/test_setup.py has its tests
    _program(folder / ".venv" / "bin" / "python", f'exec "{sys.executable}" "$@"')
    (folder / ".curlrc").write_text("fail\nsilent\nshow-error\n", encoding="utf-8")
    store = folder / STORE
    store.mkdir(parents=True)
    (folder / "store").symlink_to(STORE)
    live = folder / "var" / "built"
    publish_directly(FolderStore(store), live, build_release(live, printed=True, referenced=True))
    build_archive(folder / "var" / "work", created_at=CREATED_AT + timedelta(hours=1), seed=1, printed=True)
    _listings(folder)
    for name in ("photo", "sofa", "front", "back"):
        shutil.copy(live / "photos" / "003a.jpg", folder / f"{name}.jpg")
    (folder / "note.txt").write_text("no photo", encoding="utf-8")
    (folder / "token").write_text("good", encoding="utf-8")


def copied(template: Path, folder: Path) -> Path:
    """A copy for commands that change the store."""
    return shutil.copytree(template, folder, symlinks=True)


def environment(folder: Path) -> dict[str, str]:
    """The variables of a shell there: no settings of this process, and what the pages tell the reader to set."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LOOKALIKE_")}
    told = {"STORE": STORE, "LOOKALIKE_TOKEN": "good", "AWS_SESSION_TOKEN": "testing"}
    own = {"HOME": str(folder), "PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1"}
    return {**kept, **told, **own}


def _listings(folder: Path) -> None:
    """Two tables of two listings each, with photos that the store does not have, and one of prices."""
    shop = folder / "shop"
    shop.mkdir()
    photos = iter(write_photos(shop / "photos", products=4, seed=7))
    for table, first in (("listings", 1001), ("new", 2001)):
        with (shop / f"{table}.csv").open("w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file)
            rows.writerow(("image_id", "product_id", "title", "category", "price", "image"))
            for number in range(first, first + 2):
                rows.writerow((f"{number}-1", number, "Red sofa", "Home & Garden", 250, f"photos/{next(photos)}.jpg"))
    (folder / "prices.csv").write_text("product_id,price\nproduct-004,12\nproduct-005,15\n", encoding="utf-8")


def _program(path: Path, line: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{line}\n", encoding="utf-8")
    path.chmod(0o755)
