"""Train from raw listings and photos to a release archive. A SageMaker training job runs this too.

    python -m training.train --data DATA --out OUT --backbone resnet50 --epochs 30
    torchrun --nproc-per-node 4 -m training.train --data DATA --out OUT

runs prepare, fit, evaluate, export, index and pack in the work folder OUT. A stage runs again only if its inputs,
settings or code changed. With several processes, one per GPU, all train and embed, and the leader does everything else.
With --reuse-model RELEASE nothing is trained: prepare, index and pack make OUT/reused/release.tar with its model.
Under SageMaker the folders come from SM_* variables. The files of the release go to SM_MODEL_DIR, and SageMaker makes
an archive of that folder.
"""

import training.pipeline.interrupts  # noqa: F401 - first: Ctrl-C during the imports below ends with one line

# isort: split
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lambda_app.release.manifest import MANIFEST, Manifest, read_manifest
from training.dataset import Dataset
from training.errors import DataError, WeightsError
from training.evaluate import stage as evaluate
from training.evaluate.summary import summarise, summarise_reused
from training.export import stage as export
from training.fit import stage as fit
from training.index import stage as index
from training.network.teacher.release import manifest_of
from training.network.weights import categories_of
from training.pack import reusing
from training.pack import stage as pack
from training.pack.base import fetch
from training.pipeline.commands import CommandParser, add_work_folder, report_errors
from training.pipeline.failure import failure_file
from training.pipeline.work_folder import ReusingFolder, WorkFolder
from training.pipeline.world import SINGLE_PROCESS, World, process_group
from training.prepare.categories import check_known, released
from training.prepare.intake.layouts import layout_of
from training.prepare.stage import prepare
from training.prepare.told import prepare_and_tell
from training.settings.options import parse_values, train_parser
from training.settings.start import check_settings, check_weights
from training.settings.train_settings import TrainSettings

_WEIGHTS = (".pt", ".pth", ".safetensors")


@dataclass(frozen=True)
class Places:
    """The folders and files of a run that environment variables set; None where they set nothing.

    Attributes:
        data: raw data.
        out: work folder.
        weights: file of weights from which training starts.
        checkpoints: folder that is kept after the machine is gone.
        release: folder for a copy of the release's files.
        report: folder for a copy of the report.
        replaced: the release that this run is to replace; its order of categories and its search engine stay.
    """

    data: Path | None = None
    out: Path | None = None
    weights: Path | None = None
    checkpoints: Path | None = None
    release: Path | None = None
    report: Path | None = None
    replaced: Manifest | None = None

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "Places":
        """The folders of a SageMaker job; all None outside SageMaker.

        Raises:
            WeightsError: the channel `weights` does not have exactly one file of weights.
        """
        data = environ.get("SM_CHANNEL_DATASET") or environ.get("SM_CHANNEL_TRAINING")
        release = environ.get("SM_MODEL_DIR")
        report = environ.get("SM_OUTPUT_DATA_DIR")
        base = Path(release).parent if release else None  # /opt/ml, on the volume of the job
        return cls(
            data=Path(data) if data else None,
            out=base / "work" if base else None,
            weights=_only_weights(Path(environ["SM_CHANNEL_WEIGHTS"])) if "SM_CHANNEL_WEIGHTS" in environ else None,
            checkpoints=base / "checkpoints" if base else None,
            release=Path(release) if release else None,
            report=Path(report) if report else None,
            replaced=released(environ.get("SM_CHANNEL_RELEASE")),
        )


def train(
    data: Path,
    work: WorkFolder,
    settings: TrainSettings,
    checkpoints: Path | None = None,
    world: World = SINGLE_PROCESS,
) -> Manifest:
    """Run all stages whose inputs, settings or code changed. Returns the manifest of the release in `work.archive`.

    Args:
        data: listings or folders of photos.
        checkpoints: see `training.fit.stage.run`.
        world: the processes that train together. This one is the leader; the others call `assist`.

    Raises:
        TrainingError: an error of a stage.
    """
    layout_of(data)  # a wrong path is known at once
    _prepare(data, work, settings, world)
    fit.run(work, settings.fit, checkpoints, world, settings.execution, data)
    evaluate.run(work, data)
    export.run(work, settings.export)
    index.run(work, settings.index, world)
    pack.run(work, settings.pack)
    world.barrier()
    return read_manifest((work.release / MANIFEST).read_bytes())


def reuse(data: Path, work: ReusingFolder, settings: TrainSettings, source: str) -> Manifest:
    """Make a release of `data` with the model, the order of the categories and the figures of another release.

    Args:
        source: see `training.pipeline.released.Released.find`.

    Raises:
        TrainingError: an error of a stage, or a category that the model does not know.
    """
    base = fetch(source, work.base)
    prepare_and_tell(data, work.dataset, settings.prepare.reusing(base))
    check_known(Dataset.open(work.dataset).categories, base)
    work.release.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(work.base / base.model.file, work.model)
    weights = work.release / "weights.safetensors"
    weights.unlink(missing_ok=True)  # an earlier run may have left those of another release
    if base.weights is not None:
        shutil.copyfile(work.base / base.weights.file, weights)
    index.run(work, settings.index, base=base.model)
    reusing.run(work, base, settings.pack)
    return read_manifest((work.release / MANIFEST).read_bytes())


def assist(data: Path, work: WorkFolder, settings: TrainSettings, world: World) -> None:
    """The part of a process that is not the leader: train, embed, and wait for the end of the last stage."""
    _prepare(data, work, settings, world)
    fit.run(work, settings.fit, world=world, execution=settings.execution)
    index.run(work, settings.index, world)
    world.barrier()


def _prepare(data: Path, work: WorkFolder, settings: TrainSettings, world: World) -> None:
    """Make the dataset, once per machine. If machines share the work folder, only the leader makes it."""
    chosen, teacher = settings.prepare, settings.fit.teacher
    if teacher is not None and chosen.categories is None and not chosen.base_categories:
        chosen = chosen.changed(base_categories=manifest_of(teacher).categories)
    if world.is_leader:
        check_settings(work, settings)
        prepare_and_tell(data, work.dataset, chosen, before_photos=lambda: check_weights(work, settings))
    world.barrier()
    if not world.is_leader and world.local_rank == 0:
        prepare(data, work.dataset, chosen)
    world.barrier()


def command_line(places: Places) -> CommandParser:
    """The parser of the command line; the environment may set the two folders."""
    parser = train_parser("scripts/train", __doc__.partition("\n")[0])
    parser.add_argument(
        "--data",
        type=Path,
        default=places.data,
        help="folder with a table of listings and their photos, or with one folder of photos per category; required",
    )
    parser.add_argument(
        "--reuse-model",
        metavar="RELEASE",
        help="train nothing: make a new catalogue for the model of a release, which is an archive, a folder with its "
        "files, a store (its live release) or STORE/releases/ID; default: train",
    )
    add_work_folder(parser, places.out)
    return parser


def parse(argv: Sequence[str] | None, places: Places) -> tuple[Path, WorkFolder, TrainSettings]:
    """Parse the command line: raw data, work folder, settings.

    Raises:
        DataError: `--data` is missing, and the environment does not set it.
        SettingsError: an unknown option, or a value out of range.
    """
    parser = command_line(places)
    given, values = parse_values(parser, argv)
    if given.data is None:
        raise DataError("--data is missing; it names a folder with a table of listings, or with a folder per category")
    if places.replaced is not None:
        values.setdefault("search", places.replaced.engine)
    known = () if places.replaced is None else places.replaced.categories
    if given.reuse_model:
        settings = TrainSettings.reusing(given.reuse_model, values)
    else:
        if places.weights:
            values.setdefault("weights", str(places.weights))
        settings = TrainSettings.of(values)
        if settings.prepare.categories is None and (names := known or categories_of(settings.fit.weights)):
            settings = replace(settings, prepare=settings.prepare.changed(base_categories=names))
    if given.data == places.data:  # SageMaker has downloaded it
        settings = replace(settings, prepare=settings.prepare.changed(copied=True))
    return given.data, WorkFolder(given.out), settings


def copy_outputs(work: WorkFolder, places: Places) -> None:
    """Copy the release's files and the report to the folders that the environment sets."""
    if places.release:
        shutil.copytree(work.release, places.release, dirs_exist_ok=True)
    if places.report and work.report.is_dir():
        shutil.copytree(work.report, places.report / "report", dirs_exist_ok=True)


def _only_weights(folder: Path) -> Path:
    found = sorted(path for path in folder.rglob("*") if path.suffix in _WEIGHTS)
    if len(found) != 1:
        raise WeightsError(f"{folder} has {len(found)} files of weights ({', '.join(_WEIGHTS)}); it must have one")
    return found[0]


def main(argv: Sequence[str] | None = None) -> None:
    """`python -m training.train`."""
    with failure_file(os.environ):
        places = Places.from_environ(os.environ)
        data, work, settings = parse(argv, places)
        with process_group(os.environ) as world:
            if not world.is_leader:
                assist(data, work, settings, world)
                return
            if settings.reuse_model is not None:
                work = ReusingFolder.inside(work)
                manifest = reuse(data, work, settings, settings.reuse_model)
            else:
                manifest = train(data, work, settings, places.checkpoints, world)
        copy_outputs(work, places)
    print(summarise(work, manifest) if settings.reuse_model is None else summarise_reused(work, manifest))


if __name__ == "__main__":
    sys.exit(report_errors(main))
