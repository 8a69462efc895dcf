from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lambda_app.errors import ReleaseError
from lambda_app.release.manifest import IndexEntry, file_entry
from lambda_app.search import index_inspection
from lambda_app.search.building.choice import build_index
from lambda_app.search.index_inspection import inspect_index
from tests.crafted.drops import INDEXES, MANIFESTS, Crafted
from tests.lambda_app.conftest import BuiltRelease
from tests.releases import DIM, write_index

# FAISS raises MemoryError for a huge header; the trial's process turns it into a refusal.
DIRECT = [crafted for crafted in INDEXES if crafted.name != "a huge header"]
ABOUT_SEARCH = [crafted for crafted in MANIFESTS if "nprobe" in crafted.says or "factor" in crafted.says]


def unit_vectors(count: int) -> np.ndarray:
    vectors = np.random.default_rng(0).normal(size=(count, DIM)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def inverted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, IndexEntry]:
    """An inverted file of 200 vectors."""
    path = tmp_path_factory.mktemp("inverted") / "index.faiss"
    return path, build_index(unit_vectors(200), "ivf-float16", path, 0)


@pytest.mark.parametrize("kind", ["flat", "ivf-float16", "ivf-int8"])
def test_what_training_builds_passes(tmp_path: Path, kind: str):
    path = tmp_path / "index.faiss"
    inspect_index(path, build_index(unit_vectors(300), kind, path, 0))


@pytest.mark.parametrize("crafted", [*DIRECT, *ABOUT_SEARCH], ids=lambda crafted: crafted.name)
def test_a_crafted_index_is_refused_with_words(
    tmp_path: Path, built: BuiltRelease, inverted: tuple[Path, IndexEntry], crafted: Crafted
):
    source, entry = inverted if crafted.inverted else (built.folder / "index.faiss", built.manifest.index)
    path = tmp_path / "index.faiss"
    path.write_bytes(source.read_bytes())
    raw: dict[str, Any] = {"index": entry.model_dump()}
    crafted.change(path, raw)
    with pytest.raises(ReleaseError, match=crafted.says):
        inspect_index(path, IndexEntry.model_validate(raw["index"]))


def test_of_a_large_index_blocks_all_over_it_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(index_inspection, "SAMPLE_ABOVE", 300)
    monkeypatch.setattr(index_inspection, "_BLOCK", 10)
    starts = list(index_inspection._blocks(1000))
    assert 250 <= 10 * len(starts) <= 310
    vectors = unit_vectors(1000)
    vectors[starts[-1], 3] = np.nan
    write_index(tmp_path / "index.faiss", vectors)
    entry = IndexEntry(count=1000, **file_entry(tmp_path / "index.faiss"))
    with pytest.raises(ReleaseError, match=f"the vector of row {starts[-1]} is not finite"):
        inspect_index(tmp_path / "index.faiss", entry)
