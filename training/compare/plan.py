"""Train several recipes on the same splits, seeds and budget, and judge them alike.

    python -m training.compare --data DATA --out OUT --seeds 0 1 2 --seconds 600 --jobs 2   # the published study, rerun
    python -m training.compare --data DATA --out OUT --seeds 0 1 2 --epochs 30 --ablate     # what each setting is worth

DATA is listings, folders of photos, or a dataset that `training.prepare` made. Of every run, whatever its recipe, the
epoch is kept that did best on the validation split (the mean of accuracy and, where products have several photos,
recall@4 of the embedding; see `training.fit.record`); the figures are those of that epoch on the test split, which
nothing before has looked at. Where a folder has `train/` and `validation/` alone, `validation/` is that test split, and
the validation split is taken from `train/`.

A run is a process; `--jobs` of them go side by side, each with its share of the processors, so that equal time is time
on equal processors. The order is by seed and then by recipe: what else slows the machine down hits all recipes alike.
However it ends, the same command goes on: what is done stays, what was under way goes on from its checkpoint.

OUT/compare.json has every run, OUT/compare.md the table, three PNG the charts; OUT/runs/RECIPE-SEED is the work folder
of a run, of which `python -m training.evaluate --out` makes the full report.
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
_ENDLESS = 1_000_000  # epochs, where the time ends a run
_IN_FAVOUR = (
    "The weights are random (`--weights none`), so the study's recipes train the whole network instead of layer4 and "
    "the head alone: a frozen random network could not learn. That is in the study's favour."
)


@dataclass(frozen=True)
class Plan:
    """What is compared.

    Attributes:
        out: where all of it goes.
        recipes: the rows of the table.
        seeds: of the runs of each recipe; the splits are the same for all.
        shared: what the recipes have in common; its seed is of no account.
        jobs: runs side by side.
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
        """Of each run."""
        return max(1, (os.cpu_count() or 1) // self.jobs)

    def trials(self) -> list[Trial]:
        """Every run, seed by seed."""
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
        """What a reader of the table must know, a sentence or two each."""
        budget = f"{self.shared.seconds:g} s" if self.shared.seconds > 0 else f"{self.shared.epochs} epochs"
        yield (
            f"{self.shared.backbone} from {self.shared.weights} weights, {budget} a run, seeds "
            f"{', '.join(map(str, self.seeds))}, {self.jobs} at a time."
        )
        if self.shared.weights == "none" and any(recipe.study for recipe in self.recipes):
            yield _IN_FAVOUR


def compare(plan: Plan, dataset: Dataset) -> str:
    """Run what is not done, and write what was found.

    Returns:
        The table with what explains it, Markdown.

    Raises:
        TrainingError: a run failed.
    """
    trials = plan.trials()
    run_trials(trials, dataset.path, plan.jobs, plan.threads)
    runs = [figures_of(trial) for trial in trials]
    return write_comparison(plan.out, plan.recipes, runs, dataset, list(plan.notes()))


def parse(argv: Sequence[str] | None) -> tuple[Plan, Path, int | None]:
    """The command line: the plan, the data, and the side of the photos, None where none is asked for.

    Raises:
        SettingsError: names the option, its value and the limit.
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
        shared = shared.changed(epochs=_ENDLESS)
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


def open_dataset(data: Path, out: Path, size: int | None) -> Dataset:
    """The dataset that `data` is, or that is made of it.

    Raises:
        DataError: it is neither.
        SettingsError: it is a dataset of another size.
    """
    if not (data / SUMMARY).is_file() or not (data / PHOTOS).is_file():
        prepared = PrepareSettings() if size is None else PrepareSettings(size=size)
        prepare(data, out / "dataset", prepared)
        return Dataset.open(out / "dataset")
    dataset = Dataset.open(data)
    if size not in (None, dataset.preprocessing.size):
        raise SettingsError(f"size is {size}; the photos of {data} are of {dataset.preprocessing.size} pixels")
    return dataset


def main(argv: Sequence[str] | None = None) -> None:
    """`python -m training.compare`."""
    plan, data, size = parse(argv)
    dataset = open_dataset(data, plan.out, size)
    for note in plan.notes():
        print(note)
    print(compare(plan, dataset))
    print(f"\n{plan.out / 'compare.md'}")
