import json
from datetime import timedelta
from pathlib import Path

import pytest

from lambda_app.promotion.promotion import promote_archive
from lambda_app.promotion.stored import manifest_key
from lambda_app.promotion.upkeep.listing import list_releases
from lambda_app.release.manifest import Manifest
from lambda_app.settings import Settings
from lambda_app.store.folder import FolderStore
from tests.archives import build_archive
from tests.releases import CREATED_AT

SETTINGS = Settings(store="unused", threads=1)


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "store")


def promoted(tmp_path: Path, store: FolderStore, number: int) -> Manifest:
    archive, manifest = build_archive(
        tmp_path / f"release{number}", seed=number, created_at=CREATED_AT + timedelta(hours=number)
    )
    promote_archive(store, archive, SETTINGS)
    return manifest


def test_list_shows_newest_first_with_what_is_live(tmp_path, store):
    assert list_releases(store) == []
    made = [promoted(tmp_path, store, number) for number in range(3)]
    rows = list_releases(store)
    assert [row.manifest for row in rows] == made[::-1]
    assert [row.live for row in rows] == [True, False, False]
    assert [row.previous for row in rows] == [False, True, False]
    assert rows[0].figures == {"accuracy": 0.9, "recall@4": 0.9}


LATER_FORMATS = [
    (b'{"format": 3}', "format 3"),
    (b"{", "is not JSON"),
    (b"\xff\xfe", "is not JSON"),
    (b"[1]", "format 'list'"),
]


@pytest.mark.parametrize(("data", "problem"), LATER_FORMATS)
def test_a_manifest_that_cannot_be_read_is_a_row_that_says_so(tmp_path, store, data, problem):
    sound = promoted(tmp_path, store, 0)
    store.write(manifest_key("of-later-code"), data)
    bad, good = list_releases(store)  # the time of writing takes the place of the time of creation
    assert (bad.release, bad.manifest, bad.figures, bad.live) == ("of-later-code", None, {}, False)
    assert problem in str(bad.problem)
    assert (good.manifest, good.problem, good.live) == (sound, None, True)


def test_an_index_type_of_older_code_is_a_row_that_says_so(tmp_path, store):
    manifest = promoted(tmp_path, store, 0)
    raw = json.loads(manifest.to_json())
    raw["index"]["type"] = "ivf"
    store.write(manifest_key(manifest.release), json.dumps(raw).encode())
    (row,) = list_releases(store)
    assert row.live
    assert "index.type" in str(row.problem)


def test_a_manifest_under_another_id_is_a_row_that_says_so(tmp_path, store):
    manifest = promoted(tmp_path, store, 0)
    store.write(manifest_key("another-id"), manifest.to_json())
    row = next(row for row in list_releases(store) if row.release == "another-id")
    assert row.problem == f"manifest.json is of {manifest.release}"


def test_other_keys_under_releases_are_no_rows(tmp_path, store):
    manifest = promoted(tmp_path, store, 0)
    for key in ("releases/manifest.json", "releases/empty-release/report/manifest.json", "releases/notes.txt"):
        store.write(key, b"{}")
    assert [row.release for row in list_releases(store)] == [manifest.release]
