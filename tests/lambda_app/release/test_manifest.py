import hashlib
import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from lambda_app.errors import ReleaseError, UnknownFormatError
from lambda_app.release.manifest import (
    FileEntry,
    Manifest,
    file_entry,
    read_manifest,
    release_id,
    sha256_of,
    verify_file,
)

ENTRY: dict[str, Any] = {"file": "model.onnx", "sha256": "0" * 64, "bytes": 1}
CASE = {"photo": "", "category": "Sofas", "margin": 0.5, "neighbour": "001", "score": 0.9}


def raw_manifest(**changes: Any) -> dict[str, Any]:
    return {
        "format": 1,
        "release": "20261101-120000-0a1b2c3d",
        "created_at": "2026-11-01T12:00:00Z",
        "categories": ["Sofas", "Phones"],
        "preprocessing": {"size": 224},
        "model": {**ENTRY, "embedding_dim": 256, "opset": 17},
        "index": {**ENTRY, "file": "index.faiss", "count": 3},
        "catalog": {**ENTRY, "file": "catalog.sqlite", "count": 3},
        **changes,
    }


def read(**changes: Any) -> Manifest:
    return read_manifest(json.dumps(raw_manifest(**changes)).encode())


def test_a_manifest_survives_writing_and_reading():
    manifest = read(
        weights={**ENTRY, "file": "weights.safetensors"}, evaluation={"test": {"accuracy": 0.9}}, force=True
    )
    assert read_manifest(manifest.to_json()) == manifest


def segmented(**changes: Any) -> Manifest:
    """A manifest with one further segment of two rows, and one dead row."""
    delta = {
        "index": {**ENTRY, "file": "delta-1.faiss", "count": 2},
        "catalog": {**ENTRY, "file": "delta-1.sqlite", "count": 2},
    }
    dead = {**ENTRY, "file": "dead.bits", "count": 1}
    return read(**{"format": 2, "segments": [delta], "dead": dead, "parent": "20261101-110000-0a1b2c3d", **changes})


def test_a_manifest_of_segments_counts_rows_and_photos():
    manifest = segmented(changes_through=7)
    assert read_manifest(manifest.to_json()) == manifest
    assert (manifest.rows, manifest.count, manifest.segmented) == (5, 4, True)
    files = ["model.onnx", "index.faiss", "catalog.sqlite", "delta-1.faiss", "delta-1.sqlite", "dead.bits"]
    assert [entry.file for entry in manifest.serving_files()] == files
    plain = read()
    assert (plain.rows, plain.count, plain.segmented) == (3, 3, False)


def test_segments_need_format_2_so_that_older_readers_refuse_them():
    with pytest.raises(ReleaseError, match="format 1 has 1 further segments"):
        segmented(format=1)
    with pytest.raises(ReleaseError, match="format 2 has 0 further segments"):
        read(format=2)


def test_segments_that_disagree_are_refused():
    with pytest.raises(ReleaseError, match="all 5 rows are dead"):
        segmented(dead={**ENTRY, "file": "dead.bits", "count": 5})
    with pytest.raises(ReleaseError, match="file name occurs twice"):
        segmented(dead={**ENTRY, "file": "delta-1.faiss", "count": 1})
    delta = {"index": {**ENTRY, "file": "d.faiss", "count": 2}, "catalog": {**ENTRY, "file": "d.sqlite", "count": 3}}
    with pytest.raises(ReleaseError, match="the index has 2 rows, the catalog 3"):
        segmented(segments=[delta])


def test_unknown_keys_are_ignored():
    assert read(invented="later").release == read().release


@pytest.mark.parametrize("found", [3, 0, "1", True, None])
def test_an_unknown_format_is_refused_by_name(found: object):
    with pytest.raises(UnknownFormatError, match=f"format {found!r}.*reads 1 and 2"):
        read(format=found)


@pytest.mark.parametrize("data", [b"", b"{", b"\xff\xfe", b"[" * 100_000])
def test_what_is_not_json_is_refused(data: bytes):
    with pytest.raises(ReleaseError, match="is not JSON"):
        read_manifest(data)


def test_json_that_is_no_object_is_refused():
    with pytest.raises(UnknownFormatError, match="list"):
        read_manifest(b"[]")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"release": "Bad Name!"}, "release"),
        ({"release": "../../etc"}, "release"),
        ({"created_at": "2026-11-01T12:00:00"}, "created_at"),
        ({"categories": []}, "categories"),
        ({"categories": ["Sofas", "Sofas"]}, "a category occurs twice"),
        ({"model": {**ENTRY, "opset": 17}}, "model.embedding_dim"),
        ({"model": {**ENTRY, "file": "../model.onnx", "embedding_dim": 1, "opset": 17}}, "model.file"),
        ({"index": {**ENTRY, "file": "index.faiss", "count": 3, "sha256": "xyz"}}, "index.sha256"),
        ({"index": {**ENTRY, "file": "index.faiss", "count": 3, "type": "ivf"}}, "index.type"),
        ({"index": {**ENTRY, "file": "index.faiss", "count": 4}}, "the index has 4 rows, the catalog 3"),
        ({"catalog": {**ENTRY, "file": "index.faiss", "count": 3}}, "a file name occurs twice"),
        ({"weights": {**ENTRY, "file": "manifest.json"}}, "or is manifest.json"),
        ({"preprocessing": {"size": 1}}, "preprocessing.size"),
        ({"smoke": [{**CASE, "embedding": "AAAAAA=="}]}, "smoke case 1: the vectors have 4 bytes, .* 2 x 256"),
        ({"smoke": [{**CASE, "cosine": 1.5}]}, "smoke.0.cosine"),
    ],
)
def test_a_bad_field_is_named(changes: dict[str, Any], says: str):
    with pytest.raises(ReleaseError, match=says):
        read(**changes)


def test_serving_does_not_load_the_weights():
    manifest = read(weights={**ENTRY, "file": "weights.safetensors"})
    assert [entry.file for entry in manifest.serving_files()] == ["model.onnx", "index.faiss", "catalog.sqlite"]
    assert [entry.file for entry in manifest.files()][-1] == "weights.safetensors"


def test_a_file_that_matches_its_entry_passes(tmp_path: Path):
    path = tmp_path / "model.onnx"
    path.write_bytes(b"network")
    assert sha256_of(path) == hashlib.sha256(b"network").hexdigest()
    verify_file(path, FileEntry(**file_entry(path)))


@pytest.mark.parametrize(
    ("content", "says"), [(None, "model.onnx is missing"), (b"netw", "4 bytes.*says 7"), (b"Network", "has sha256")]
)
def test_a_file_that_differs_from_its_entry_is_refused(tmp_path: Path, content: bytes | None, says: str):
    path = tmp_path / "model.onnx"
    path.write_bytes(b"network")
    entry = FileEntry(**file_entry(path))
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ReleaseError, match=says):
        verify_file(path, entry)


def test_a_release_is_named_after_utc_time_and_content():
    entries = [FileEntry(**ENTRY)]
    noon = datetime(2026, 11, 1, 12, tzinfo=UTC)
    name = release_id(noon, entries)
    digest = hashlib.sha256(("0" * 64).encode()).hexdigest()
    assert name == f"20261101-120000-{digest[:8]}"
    assert release_id(noon.astimezone(timezone(timedelta(hours=5))), entries) == name
    assert release_id(noon, [FileEntry(**{**ENTRY, "sha256": "1" * 64})]) != name
    assert read(release=name).release == name


def test_a_release_without_a_ranking_ranks_by_the_cosine():
    assert read().ranking.category_weight == 0
    assert read(ranking={"category_weight": 0.15}).ranking.category_weight == 0.15


@pytest.mark.parametrize("weight", [-0.01, 1.01, float("nan"), float("inf"), "much"])
def test_an_impossible_weight_is_refused_by_name(weight: object):
    with pytest.raises(ReleaseError, match=r"manifest\.json: ranking\.category_weight: "):
        read(ranking={"category_weight": weight})


def test_a_release_says_who_searches():
    plain = read()
    assert (plain.engine, b'"engine"' in plain.to_json()) == ("faiss", False)
    there = read(search={"engine": "s3vectors"})
    assert read_manifest(there.to_json()).engine == "s3vectors"
    with pytest.raises(ReleaseError, match=r"search\.engine"):
        read(search={"engine": "opensearch"})
