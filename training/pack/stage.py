"""Make the release archive: manifest, files and report.

    python -m training.pack --out OUT

reads the outputs of the other stages in OUT and writes OUT/release.tar.
"""

import json
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lambda_app.release.archive import REPORT, write_archive
from lambda_app.release.manifest import (
    MANIFEST,
    CatalogEntry,
    FileEntry,
    IndexEntry,
    Manifest,
    ModelEntry,
    RankingEntry,
    SamePhotoEntry,
    file_entry,
    release_id,
    sha256_of,
)
from lambda_app.release.smoke import SmokeCase
from training.dataset import Dataset, read_summary
from training.network.weights import load_weights
from training.pack.settings import PackSettings
from training.pipeline.commands import CommandParser, add_settings, add_work_folder, settings_from
from training.pipeline.provenance import code
from training.pipeline.stages import run_stage, stage_seconds
from training.pipeline.work_folder import WorkFolder

_STAGES = ("features", "heads", "fit", "evaluate", "onnx", "export", "index")


def run(work: WorkFolder, settings: PackSettings) -> bool:
    """Run the stage: pack, unless the last run packed the same files. Returns whether it ran."""
    files = [
        work.model,
        work.release / "index.faiss",
        work.release / "catalog.sqlite",
        work.release / "weights.safetensors",
        work.report / "metrics.json",
        work.index / "smoke.json",
        work.index / "reference.json",
        work.fit / "fit.json",
    ]
    inputs = {
        "files": {path.name: sha256_of(path) for path in files},
        "settings": settings.as_json(),
        "bulk": _read(work.index / "index.json").get("bulk"),
        **{name: read_summary(work.dataset).get(name) for name in ("currency", "snapshot_at")},
    }
    outputs = [work.archive, work.release / MANIFEST]
    return run_stage(work, "pack", inputs, outputs, lambda: pack(work, settings))


def pack(work: WorkFolder, settings: PackSettings) -> Manifest:
    """Write `manifest.json` and `report/` to the release folder, then the archive of all its files."""
    manifest = build_manifest(work, settings)
    shutil.copytree(work.report, work.release / REPORT, dirs_exist_ok=True)
    (work.release / MANIFEST).write_bytes(manifest.to_json())
    write_archive(work.archive, manifest, work.release)
    return manifest


def build_manifest(work: WorkFolder, settings: PackSettings) -> Manifest:
    """The manifest for the files in the work folder."""
    dataset = Dataset.open(work.dataset)
    figures = _read(work.report / "metrics.json")
    exported = _read(work.export / "export.json")
    network, categories = load_weights(work.weights)
    model = ModelEntry(
        **file_entry(work.model),
        precision=exported["precision"],
        gate=exported["gate"],
        embedding_dim=network.embedding.out_features,
        temperature=figures["temperature"],
        opset=exported["opset"],
    )
    index = IndexEntry.model_validate(_read(work.index / "index.json"))
    catalog = CatalogEntry(**file_entry(work.release / "catalog.sqlite"), count=len(dataset.photos))
    weights = FileEntry(**file_entry(work.release / "weights.safetensors"))
    created = datetime.now(UTC).replace(microsecond=0)
    return Manifest(
        release=release_id(created, [model, index, catalog, weights]),
        created_at=created,
        snapshot_at=dataset.summary.get("snapshot_at"),
        categories=categories,
        currency=dataset.summary["currency"],
        preprocessing=dataset.preprocessing,
        model=model,
        index=index,
        catalog=catalog,
        ranking=RankingEntry(category_weight=figures["ranking"]["category_weight"]),
        same_photo=SamePhotoEntry(**{name: figures["same_photo"][name] for name in ("version", "threshold")}),
        weights=weights,
        evaluation=_short_metrics(figures),
        reference=_read(work.index / "reference.json"),
        training=_provenance(work, dataset, exported),
        smoke=tuple(SmokeCase.model_validate(case) for case in _read(work.index / "smoke.json")),
        search=settings.search_entry,
        force=settings.force,
    )


def _short_metrics(figures: dict[str, Any]) -> dict[str, Any]:
    """The metrics without the large tables, which only `report/metrics.json` has."""
    test = {name: value for name, value in figures["test"].items() if name not in ("confusion", "per_category")}
    return {"test": test, **{name: figures[name] for name in ("validation", "ranking", "gallery")}}


def _provenance(work: WorkFolder, dataset: Dataset, exported: dict[str, Any]) -> dict[str, Any]:
    return {
        "code": code(),
        "dataset": {
            "name": dataset.summary["data"],
            "digest": dataset.digest,
            "photos": len(dataset.photos),
            "seed": dataset.summary["seed"],
        },
        "fit": _read(work.fit / "fit.json"),
        "export": exported,
        "bulk": _read(work.index / "index.json").get("bulk"),
        "stage_seconds": {name: stage_seconds(work, name) for name in _STAGES},
    }


def _read(path: Path) -> Any:
    return json.loads(path.read_bytes())


def main(argv: Sequence[str] | None = None) -> None:
    """`python -m training.pack`."""
    parser = CommandParser(prog="python -m training.pack", description=__doc__.partition("\n")[0])
    add_work_folder(parser)
    add_settings(parser, PackSettings)
    arguments = parser.parse(argv)
    run(WorkFolder(arguments.out), settings_from(arguments, PackSettings))
