"""From raw listings and photos to a release archive; also what a SageMaker training job runs.

    python -m training.train --data DATA --out OUT --backbone resnet50 --epochs 30
    torchrun --nproc-per-node 4 -m training.train --data DATA --out OUT

runs prepare, fit, evaluate, export, index and pack in the work folder OUT; a stage runs again only when its inputs or
settings changed. Of several processes, one a GPU, all train and embed and the first does everything else. Under
SageMaker the folders come from SM_* variables, and the files of the release go to SM_MODEL_DIR, of which it makes the
archive.
"""

import json
import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from lambda_app.errors import LookalikeError
from lambda_app.release.manifest import MANIFEST, Manifest, read_manifest
from training.errors import DataError, LostProcessError, WeightsError
from training.evaluate import stage as evaluate
from training.export import stage as export
from training.fit import stage as fit
from training.index import stage as index
from training.network.weights import categories_of
from training.pack import stage as pack
from training.pipeline.commands import add_work_folder, report_errors
from training.pipeline.work_folder import WorkFolder
from training.pipeline.world import SINGLE_PROCESS, World, process_group
from training.prepare.stage import prepare
from training.settings.options import parse_values, train_parser
from training.settings.train_settings import TrainSettings

_WEIGHTS = (".pt", ".pth", ".safetensors")


@dataclass(frozen=True)
class Places:
    """Where a run reads and writes, as its environment says; None where it says nothing.

    Attributes:
        data: the raw data.
        out: the work folder.
        weights: a file to start from.
        checkpoints: a folder that outlives the machine.
        release: where the release's files go, beside the archive.
        report: where the report goes, beside the archive.
    """

    data: Path | None = None
    out: Path | None = None
    weights: Path | None = None
    checkpoints: Path | None = None
    release: Path | None = None
    report: Path | None = None

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "Places":
        """SageMaker's folders, where its toolkit has named them.

        Raises:
            WeightsError: the channel `weights` does not hold exactly one file of weights.
        """
        data = environ.get("SM_CHANNEL_DATASET") or environ.get("SM_CHANNEL_TRAINING")
        release = environ.get("SM_MODEL_DIR")
        report = environ.get("SM_OUTPUT_DATA_DIR")
        base = Path(release).parent if release else None  # /opt/ml, on the volume that was asked for
        return cls(
            data=Path(data) if data else None,
            out=base / "work" if base else None,
            weights=_only_weights(Path(environ["SM_CHANNEL_WEIGHTS"])) if "SM_CHANNEL_WEIGHTS" in environ else None,
            checkpoints=base / "checkpoints" if base else None,
            release=Path(release) if release else None,
            report=Path(report) if report else None,
        )


def train(
    data: Path,
    work: WorkFolder,
    settings: TrainSettings,
    checkpoints: Path | None = None,
    world: World = SINGLE_PROCESS,
) -> Manifest:
    """Run every stage whose inputs or settings changed; the manifest of the release in `work.archive`.

    Args:
        data: listings or folders of photos.
        checkpoints: see `training.fit.run`.
        world: the processes that train together. This one leads, the others `assist`.

    Raises:
        TrainingError: one that a person can act on.
    """
    _prepare(data, work, settings, world)
    fit.run(work, settings.fit, checkpoints, world, settings.execution)
    evaluate.run(work)
    export.run(work, settings.export)
    index.run(work, settings.index, world)
    pack.run(work, settings.pack)
    world.barrier()
    return read_manifest((work.release / MANIFEST).read_bytes())


def assist(data: Path, work: WorkFolder, settings: TrainSettings, world: World) -> None:
    """What a process that does not lead has to do in a run: train, embed, and stay until the last stage is over."""
    _prepare(data, work, settings, world)
    fit.run(work, settings.fit, world=world, execution=settings.execution)
    index.run(work, settings.index, world)
    world.barrier()


def _prepare(data: Path, work: WorkFolder, settings: TrainSettings, world: World) -> None:
    """Make the dataset, once on each machine; where machines share the work folder, they find it made."""
    if world.is_leader:
        prepare(data, work.dataset, settings.prepare)
    world.barrier()
    if not world.is_leader and world.local_rank == 0:
        prepare(data, work.dataset, settings.prepare)
    world.barrier()


def parse(argv: Sequence[str] | None, places: Places) -> tuple[Path, WorkFolder, TrainSettings]:
    """The command line: raw data, work folder, settings.

    Raises:
        DataError: no raw data is named.
        SettingsError: an unknown option, or a value out of its range.
    """
    parser = train_parser("python -m training.train", __doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, default=places.data, help="listings (CSV and photos) or folders of photos")
    add_work_folder(parser, places.out)
    given, values = parse_values(parser, argv)
    if given.data is None:
        raise DataError("--data is missing: the folder of listings (CSV and photos) or of folders of photos")
    if places.weights:
        values.setdefault("weights", str(places.weights))
    settings = TrainSettings.of(values)
    if settings.prepare.categories is None and (names := categories_of(settings.fit.weights)):
        settings = replace(settings, prepare=settings.prepare.changed(base_categories=names))
    return given.data, WorkFolder(given.out), settings


def hand_over(work: WorkFolder, places: Places) -> None:
    """Copy the release's files and the report to where the environment wants them."""
    if places.release:
        shutil.copytree(work.release, places.release, dirs_exist_ok=True)
    if places.report:
        shutil.copytree(work.report, places.report / "report", dirs_exist_ok=True)


def summarise(work: WorkFolder, manifest: Manifest) -> str:
    """The run's result for a person, two lines."""
    test = json.loads((work.report / "metrics.json").read_bytes())["test"]
    figures = {
        "accuracy": test["accuracy"],
        "recall@4 by embedding": test["retrieval"]["embedding"]["recall@4"],
        "by logits": test["retrieval"]["logits"]["recall@4"],
    }
    known = ", ".join(f"{name} {'n/a' if value is None else f'{value:.3f}'}" for name, value in figures.items())
    return f"release {manifest.release}: {known} ({test['n']} test photos)\n{work.archive}"


@contextmanager
def failure_told(environ: Mapping[str, str]) -> Iterator[None]:
    """Leave what stops the run where SageMaker reads its FailureReason, which is what the operators are told.

    The toolkit writes there too, where nothing stands yet; but it looks for the names of Python's own errors in the
    output, and of one line of ours, followed by torchrun's traceback, it keeps nothing.
    """
    try:
        yield
    except LookalikeError as exc:
        # Of several processes the one that fails first knows why; the others only know that it is gone.
        if (folder := environ.get("SM_OUTPUT_DIR")) and not isinstance(exc, LostProcessError):
            Path(folder, "failure").write_text(f"{exc}\n", encoding="utf-8")
        raise


def _only_weights(folder: Path) -> Path:
    found = sorted(path for path in folder.rglob("*") if path.suffix in _WEIGHTS)
    if len(found) != 1:
        raise WeightsError(f"{folder} holds {len(found)} files of weights ({', '.join(_WEIGHTS)}); it must hold one")
    return found[0]


def main(argv: Sequence[str] | None = None) -> None:
    """`python -m training.train`."""
    with failure_told(os.environ):
        places = Places.from_environ(os.environ)
        data, work, settings = parse(argv, places)
        with process_group(os.environ) as world:
            if not world.is_leader:
                assist(data, work, settings, world)
                return
            manifest = train(data, work, settings, places.checkpoints, world)
        hand_over(work, places)
    print(summarise(work, manifest))


if __name__ == "__main__":
    sys.exit(report_errors(main))
