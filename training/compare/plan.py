"""Train several recipes with the same splits, seeds and budget, and compare their test metrics.

    python -m training.compare --data DATA --out OUT --seeds 0 1 2 --seconds 600 --jobs 2   # rerun the published study
    python -m training.compare --data DATA --out OUT --seeds 0 1 2 --epochs 30 --ablate     # ablation of the settings

DATA is listings, folders of photos, or a dataset that `training.prepare` made. Every run keeps the epoch with the best
score on the validation split: the mean of accuracy and, if products have several photos, recall@4 of the embedding (see
`training.fit.record`). The reported metrics are those of that epoch on the test split, which is not used before. If a
folder has only `train/` and `validation/`, `validation/` is the test split, and the validation split is taken from
`train/`.

Each run is a process. `--jobs` processes run in parallel, each with an equal part of the CPU cores, so that equal time
means equal computing resources. Runs are ordered by seed, then by recipe, so that other load on the machine affects all
recipes equally. If the command is interrupted, run it again: finished runs are kept, and others resume from their
checkpoints.

OUT/compare.json has all runs, OUT/compare.md has the table, and three PNG files have the charts. OUT/runs/RECIPE-SEED
is the work folder of a run; `python -m training.evaluate --out` makes a full report from it.
"""

import argparse
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lambda_app.errors import SettingsError
from training.compare.recipes import ABLATION, COMPARISON, RECIPES, Recipe, recipe_of
from training.compare.table import figures_of, write_comparison
from training.compare.trials import Trial, run_trials
from training.dataset import PHOTOS, SUMMARY, Dataset
from training.fit.settings import FitSettings
from training.pipeline.commands import CommandParser, add_settings, settings_from
from training.prepare.settings import PrepareSettings
from training.prepare.stage import prepare

_STUDY_EPOCHS = 300
_UNLIMITED_EPOCHS = 1_000_000  # for runs that end by time
_STUDY_NOTE = (
    "The initial weights are random (`--weights none`), so the study's recipes train the whole network instead of only "
    "layer4 and the head, because frozen random layers cannot learn. This favours the study."
)


@dataclass(frozen=True)
class Plan:
    """The plan of a comparison.

    Attributes:
        out: output folder.
        recipes: the recipes to compare: the rows of the table.
        seeds: seeds of the runs of each recipe. All runs have the same splits.
        shared: settings that all recipes share; its seed is not used.
        jobs: number of parallel runs.
    """

    out: Path
    recipes: tuple[Recipe, ...]
    seeds: tuple[int, ...]
    shared: FitSettings
    jobs: int = 1

    def __post_init__(self) -> None:
        """Raises: SettingsError, naming the value and its limit."""
        if self.jobs < 1:
            raise SettingsError(f"jobs is {self.jobs}; it must be at least 1")
        if self.shared.epochs < 1:
            raise SettingsError(f"epochs is {self.shared.epochs}; it must be at least 1")

    @property
    def threads(self) -> int:
        """Number of CPU threads of each run."""
        return max(1, (os.cpu_count() or 1) // self.jobs)

    def trials(self) -> list[Trial]:
        """All runs, ordered by seed, then by recipe."""
        return [
            Trial(
                recipe.name,
                recipe.settings(self.shared.changed(seed=seed)),
                self.out / "runs" / f"{recipe.name}-{seed}",
            )
            for seed in self.seeds
            for recipe in self.recipes
        ]

    def notes(self) -> Iterator[str]:
        """Notes for readers of the table, one or two sentences each."""
        budget = f"{self.shared.seconds:g} s" if self.shared.seconds > 0 else f"{self.shared.epochs} epochs"
        yield (
            f"{self.shared.backbone} from {self.shared.weights} weights, {budget} per run, seeds "
            f"{', '.join(map(str, self.seeds))}, {self.jobs} runs in parallel."
        )
        if self.shared.weights == "none" and any(recipe.study for recipe in self.recipes):
            yield _STUDY_NOTE


def compare(plan: Plan, dataset: Dataset) -> str:
    """Run all trials that are not finished, and write the comparison.

    Returns:
        The table with its explanations, as Markdown.

    Raises:
        TrainingError: a run failed.
    """
    trials = plan.trials()
    run_trials(trials, dataset.path, plan.jobs, plan.threads)
    runs = [figures_of(trial) for trial in trials]
    return write_comparison(plan.out, plan.recipes, runs, dataset, list(plan.notes()))


def parse(argv: Sequence[str] | None) -> tuple[Plan, Path, int | None]:
    """Parse the command line: the plan, the data folder, and the photo size (None if not given).

    Raises:
        SettingsError: an option has an invalid value; the message gives the value and the limit.
    """
    parser = CommandParser(prog="python -m training.compare", description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="listings, folders of photos, or a prepared dataset")
    parser.add_argument("--out", type=Path, required=True, help="folder for runs, table and charts")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help="of the runs of each recipe (0)")
    parser.add_argument("--jobs", type=int, default=1, help="runs side by side (%(default)s)")
    add_settings(parser, PrepareSettings, ["size"])
    add_settings(parser, FitSettings, ["backbone", "weights"])
    _add_choices(parser)
    given = parser.parse(argv)
    size = settings_from(given, PrepareSettings).size if "size" in given else None
    shared = settings_from(given, FitSettings)
    if shared.seconds > 0:
        shared = shared.changed(epochs=_UNLIMITED_EPOCHS)
    chosen = ABLATION if given.ablate else tuple(recipe_of(name) for name in dict.fromkeys(given.recipes))
    plan = Plan(given.out, chosen, tuple(dict.fromkeys(given.seeds)), shared, given.jobs)
    return plan, given.data, size


def _add_choices(parser: argparse.ArgumentParser) -> None:
    budget = parser.add_mutually_exclusive_group()
    add_settings(budget, FitSettings, ["seconds"])
    budget.add_argument(
        "--epochs", metavar="N", default=_STUDY_EPOCHS, help="of each run, without --seconds (%(default)s)"
    )
    rows = parser.add_mutually_exclusive_group()
    rows.add_argument(
        "--recipes",
        nargs="+",
        default=[recipe.name for recipe in COMPARISON],
        help=f"of {', '.join(RECIPES)} ({' '.join(recipe.name for recipe in COMPARISON)})",
    )
    rows.add_argument("--ablate", action="store_true", help="the default recipe, and it with one thing changed a row")


def open_dataset(data: Path, out: Path, size: int | None, shared: FitSettings) -> Dataset:
    """Open `data` if it is a prepared dataset; else prepare one from it in `out`, for the backbone of `shared`.

    Raises:
        DataError: `data` is neither a dataset nor usable raw data.
        SettingsError: the dataset has another photo size than `size`.
    """
    if not (data / SUMMARY).is_file() or not (data / PHOTOS).is_file():
        prepared = PrepareSettings(size=size, backbone=shared.backbone, weights=shared.weights)
        prepare(data, out / "dataset", prepared)
        return Dataset.open(out / "dataset")
    dataset = Dataset.open(data)
    if size not in (None, dataset.preprocessing.size):
        raise SettingsError(f"size is {size}; the photos of {data} have {dataset.preprocessing.size} pixels")
    return dataset


def main(argv: Sequence[str] | None = None) -> None:
    """`python -m training.compare`."""
    plan, data, size = parse(argv)
    dataset = open_dataset(data, plan.out, size, plan.shared)
    for note in plan.notes():
        print(note)
    print(compare(plan, dataset))
    print(f"\n{plan.out / 'compare.md'}")
