"""Pack a release with the model of another one: its manifest, files and report."""

import json
import shutil
from datetime import UTC, datetime

from lambda_app.release.archive import REPORT, write_archive
from lambda_app.release.manifest import MANIFEST, CatalogEntry, IndexEntry, Manifest, file_entry, release_id, sha256_of
from lambda_app.release.smoke import SmokeCase
from training.dataset import Dataset
from training.pack.settings import PackSettings
from training.pipeline.provenance import code
from training.pipeline.stages import run_stage, stage_seconds
from training.pipeline.work_folder import ReusingFolder


def run(work: ReusingFolder, base: Manifest, settings: PackSettings) -> bool:
    """Pack, unless the last run packed the same files. Returns whether it did."""
    dataset = Dataset.open(work.dataset)
    files = [
        work.base / MANIFEST,
        work.release / "index.faiss",
        work.release / "catalog.sqlite",
        work.index / "smoke.json",
        work.index / "reference.json",
    ]
    inputs = {
        "files": {path.name: sha256_of(path) for path in files},
        "settings": settings.as_json(),
        "bulk": json.loads((work.index / "index.json").read_bytes()).get("bulk"),
        **{name: dataset.summary.get(name) for name in ("currency", "snapshot_at")},
    }
    outputs = [work.archive, work.release / MANIFEST]
    return run_stage(work, "pack", inputs, outputs, lambda: pack(work, dataset, base, settings))


def pack(work: ReusingFolder, dataset: Dataset, base: Manifest, settings: PackSettings) -> Manifest:
    """Write `manifest.json` and the report of the base to the release folder, then the archive of all its files."""
    if base.weights is not None:
        shutil.copyfile(work.base / base.weights.file, work.release / base.weights.file)
    shutil.rmtree(work.release / REPORT, ignore_errors=True)
    if work.report.is_dir():
        shutil.copytree(work.report, work.release / REPORT)
    manifest = manifest_of(work, dataset, base, settings)
    (work.release / MANIFEST).write_bytes(manifest.to_json())
    write_archive(work.archive, manifest, work.release)
    return manifest


def manifest_of(work: ReusingFolder, dataset: Dataset, base: Manifest, settings: PackSettings) -> Manifest:
    """The manifest: the catalogue is new; the model and all that was measured of it are those of the base."""
    made = {name: json.loads((work.index / f"{name}.json").read_bytes()) for name in ("index", "smoke", "reference")}
    index = IndexEntry.model_validate(made["index"])
    catalog = CatalogEntry(**file_entry(work.release / "catalog.sqlite"), count=len(dataset.photos))
    created = datetime.now(UTC).replace(microsecond=0)
    # Where the figures were measured first, if the base has used the model of another release too.
    origin = base.evaluation.get("reused_from", base.release)
    return Manifest(
        release=release_id(created, [base.model, index, catalog, *filter(None, [base.weights])]),
        created_at=created,
        snapshot_at=dataset.summary.get("snapshot_at"),
        categories=base.categories,
        currency=dataset.summary["currency"],
        preprocessing=base.preprocessing,
        model=base.model,
        index=index,
        catalog=catalog,
        ranking=base.ranking,
        same_photo=base.same_photo,
        weights=base.weights,
        evaluation={**base.evaluation, "reused_from": origin},
        reference=made["reference"],
        training={
            **base.training,
            "code": code(),
            "dataset": {
                "name": dataset.summary["data"],
                "digest": dataset.digest,
                "photos": len(dataset.photos),
                "seed": dataset.summary["seed"],
            },
            "bulk": made["index"].get("bulk"),
            "stage_seconds": {"index": stage_seconds(work, "index")},
        },
        smoke=tuple(SmokeCase.model_validate(case) for case in made["smoke"]),
        search=settings.search_entry,
        force=settings.force,
    )
