"""The rate of embedding a catalogue (read the cache, scale pixels, write vectors) compared with the model alone."""

from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.bench.forward import Taken, timed
from benchmarks.bench.prepare import catalogue
from benchmarks.figures.table import Goal, Report, Row, spread
from benchmarks.inputs.bench_release import BACKBONE, SIZE, VAR, bench_release
from lambda_app.model.session import Model
from lambda_app.photo.preprocessing import normalise
from training.dataset import Dataset
from training.index.embedding import BATCH
from training.index.stage import embed
from training.pipeline.progress import track
from training.prepare.settings import PrepareSettings
from training.prepare.stage import prepare

PHOTOS, ROUNDS = 800, 5
QUICK_PHOTOS, QUICK_ROUNDS = 200, 3
LEAST_SHARE = 0.95


def run(quick: bool) -> Report:
    """Embed a catalogue with the int8 model. It is the fastest model, so overhead shows most."""
    photos, rounds = (QUICK_PHOTOS, QUICK_ROUNDS) if quick else (PHOTOS, ROUNDS)
    release, dataset = bench_release(), prepared(photos)
    model = Model(release.folder / release.manifest.model.file)
    note = (
        f"int8 {BACKBONE} at {SIZE}, {len(dataset.photos)} photos, batches of {BATCH}, all cores, alternating; "
        "baseline: the model alone, with one batch in memory"
    )
    return Report(measure(model, dataset, rounds), [note])


def prepared(photos: int) -> Dataset:
    """The dataset of a generated catalogue with so many photos, some of which are rejected. It is made only once."""
    folder = VAR / f"dataset-{photos}"
    prepare(catalogue(photos), folder, PrepareSettings(size=SIZE))
    return Dataset.open(folder)


def measure(model: Model, dataset: Dataset, rounds: int) -> list[Row]:
    """Photos per second of `training.index`'s embedding and of the model alone, in wall time and in processor time.

    Other work on the machine affects wall time, and not always both sides equally. It does not affect processor time.
    """
    images = normalise(dataset.photos[:BATCH], dataset.preprocessing)
    batches = max(1, len(dataset.photos) // len(images))

    def whole() -> None:
        with TemporaryDirectory() as folder:
            embed(model, dataset, Path(folder), "benchmark")

    def alone() -> None:
        model.run(images)

    alone()
    taken: dict[str, list[Taken]] = {"alone": [], "whole": []}
    for _ in track(range(rounds), rounds, "embed", "round"):
        taken["alone"].append(timed(alone, batches))
        taken["whole"].append(timed(whole, 1))
    photos = {"alone": len(images), "whole": len(dataset.photos)}
    goal = Goal("at least", LEAST_SHARE, of="ratio")
    clock, processor = (
        {name: spread(photos[name] / getattr(each, kind) for each in found) for name, found in taken.items()}
        for kind in ("wall", "processor")
    )
    return [
        Row("photos embedded a second", clock["whole"], clock["alone"], goal),
        Row("  a second of processor time", processor["whole"], processor["alone"]),
    ]
