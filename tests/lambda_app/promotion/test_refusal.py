import errno
import sqlite3
from datetime import timedelta
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from lambda_app.errors import (
    MissingObjectError,
    PhotoError,
    RefusedReleaseError,
    ReleaseError,
    SettingsError,
    StoreError,
)
from lambda_app.promotion.promotion import promote_archive
from lambda_app.promotion.refusal import refusing
from lambda_app.release.archive import write_archive
from lambda_app.release.manifest import file_entry
from lambda_app.release.smoke import SmokeCase
from lambda_app.settings import Settings
from lambda_app.store.folder import FolderStore
from tests.archives import build_archive
from tests.releases import CREATED_AT, DIM, SIZE, build_release

SETTINGS = Settings(store="unused", threads=1)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (RuntimeError("a\n  b"), "RuntimeError: a b"),
        (MemoryError(), "MemoryError"),
        (RecursionError("deep"), "RecursionError: deep"),
        (OverflowError("int too big"), "OverflowError: int too big"),
        (AttributeError("None has no x"), "AttributeError: None has no x"),
        (KeyError("embedding"), "KeyError: 'embedding'"),
        (sqlite3.DatabaseError("malformed"), "DatabaseError: malformed"),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"), "UnicodeDecodeError: 'utf-8' codec"),
        (OSError("cannot identify image file"), "OSError: cannot identify image file"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "Cannot allocate memory"),
        (PhotoError("no photo"), "PhotoError: no photo"),
        (ValueError("x" * 10_000), "ValueError: " + "x" * 400),
    ],
)
def test_what_a_drop_causes_is_a_refusal_in_words(error, words):
    with pytest.raises(RefusedReleaseError) as caught, refusing("release-1"):
        raise error
    assert str(caught.value).startswith("release-1 cannot be loaded and tried: ")
    assert words in str(caught.value)
    assert len(str(caught.value)) < 600
    assert caught.value.__cause__ is error


@pytest.mark.parametrize(
    "error",
    [
        ReleaseError("in words already"),
        StoreError("S3 is away"),
        MissingObjectError("gone"),
        SettingsError("bad"),
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        OSError(errno.EIO, "Input/output error"),
        OSError(errno.EMFILE, "Too many open files"),
        KeyboardInterrupt(),
    ],
)
def test_what_the_machine_or_the_store_causes_is_raised_as_it_is(error):
    with pytest.raises(type(error)) as caught, refusing("release-1"):
        raise error
    assert caught.value is error


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    store = FolderStore(tmp_path / "store")
    promote_archive(store, build_archive(tmp_path / "first")[0], SETTINGS)
    return store


def refused(store: FolderStore, archive: Path, words: str) -> None:
    before = store.read_pointer()
    with pytest.raises(ReleaseError, match=words):
        promote_archive(store, archive, SETTINGS)
    assert store.read_pointer() == before


def with_model(folder: Path, nodes: list[onnx.NodeProto], weights: dict[str, np.ndarray]) -> Path:
    """A release whose network has these nodes behind a checksum that is right."""
    manifest = build_release(folder, seed=1, created_at=CREATED_AT + timedelta(hours=1))
    outputs = [
        helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", len(manifest.categories)]),
        helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", DIM]),
    ]
    graph = helper.make_graph(
        nodes,
        "crafted",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", 3, SIZE, SIZE])],
        outputs,
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    entry = manifest.model.model_copy(update=file_entry(folder / "model.onnx"))
    return write_archive(folder / "crafted.tar", manifest.model_copy(update={"model": entry}), folder)


def test_a_network_that_fails_when_it_runs_is_refused(tmp_path, store):
    nodes = [
        helper.make_node("Reshape", ["images", "seven"], ["wrong"]),  # no photo's values are a multiple of 7
        helper.make_node("MatMul", ["wrong", "to_embedding"], ["embedding"]),
        helper.make_node("MatMul", ["embedding", "to_logits"], ["logits"]),
    ]
    weights: dict[str, np.ndarray] = {
        "seven": np.array([-1, 7], np.int64),
        "to_embedding": np.ones((7, DIM), np.float32),
        "to_logits": np.ones((DIM, 13), np.float32),
    }
    refused(store, with_model(tmp_path / "crafted", nodes, weights), "does not load or does not answer: .*Reshape")


@pytest.mark.parametrize("photo", ["\N{BULLET}", "AAAA" * 10])
def test_a_smoke_case_whose_photo_is_nonsense_is_refused(tmp_path, store, photo):
    case = SmokeCase(photo=photo, category="Other Goods", margin=0.5, neighbour="000a", score=1.0)
    archive, _ = build_archive(tmp_path / "c", seed=1, created_at=CREATED_AT + timedelta(hours=1), smoke=(case,))
    refused(store, archive, "smoke cases: .*cannot be read|ASCII")


def test_a_name_that_no_bucket_takes_is_refused(tmp_path, store):
    folder = tmp_path / "crafted"
    manifest = build_release(folder, seed=1, created_at=CREATED_AT + timedelta(hours=1))
    long = "x" * 200
    (folder / "report" / long / long).mkdir(parents=True)
    (folder / "report" / long / long / long).touch()
    refused(store, write_archive(tmp_path / "long.tar", manifest, folder), "at most 500 bytes")


def test_a_name_that_is_not_printable_is_refused(tmp_path, store):
    folder = tmp_path / "crafted"
    manifest = build_release(folder, seed=1, created_at=CREATED_AT + timedelta(hours=1))
    (folder / "report").mkdir()
    (folder / "report" / "a\x01b").touch()
    refused(store, write_archive(tmp_path / "odd.tar", manifest, folder), r"a\\x01b.* is not a valid name")
