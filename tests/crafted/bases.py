"""The sound releases that crafted drops are made of."""

from pathlib import Path

from lambda_app.release.manifest import file_entry
from lambda_app.search.building.choice import build_index
from tests.releases import build_release, embed


def build_inverted(folder: Path) -> None:
    """A sound release of 200 photos with an inverted file."""
    manifest = build_release(folder, products=100)
    photos = [(folder / "photos" / f"{row // 2:03}{'ab'[row % 2]}.jpg").read_bytes() for row in range(200)]
    entry = build_index(embed(folder / "model.onnx", photos), "ivf-float16", folder / "index.faiss", 0)
    entry = entry.model_copy(update=file_entry(folder / "index.faiss"))
    (folder / "manifest.json").write_bytes(manifest.model_copy(update={"index": entry}).to_json())
