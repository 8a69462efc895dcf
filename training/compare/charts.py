"""Charts of a comparison: learning rate, training loss and validation accuracy over the course of a run."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from training.compare.recipes import Recipe
from training.evaluate.report.pictures import Picture, Theme, picture
from training.fit.schedule import learning_rate
from training.fit.settings import FitSettings

Run = Mapping[str, Any]
Curve = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]
_POINTS = 301
_DASHES = ("-", "--", ":", "-.")  # three colours for each dash style


def charts(recipes: Sequence[Recipe], runs: Sequence[Run]) -> list[Picture]:
    """Learning rate, training loss and validation accuracy over the course of a run.

    Args:
        runs: results of `training.compare.table.figures_of`.
    """

    def of_history(name: str) -> Callable[[Run], Curve | None]:
        return lambda run: _measured(run, name)

    return [
        _chart("learning_rate.png", "learning rate", recipes, runs, _rate),
        _chart("training_loss.png", "training loss (each recipe's own terms)", recipes, runs, of_history("train_loss")),
        _chart("validation_accuracy.png", "validation accuracy", recipes, runs, of_history("val_accuracy")),
    ]


def _chart(
    name: str, label: str, recipes: Sequence[Recipe], runs: Sequence[Run], curve: Callable[[Run], Curve | None]
) -> Picture:
    """A chart with one line per recipe: the mean over its seeds, and a band from minimum to maximum."""

    def draw(theme: Theme) -> Figure:
        figure = Figure(figsize=(7.0, 4.0 + 0.1 * len(recipes)), layout="constrained")
        axes = figure.add_subplot()
        for number, recipe in enumerate(recipes):
            curves = [found for run in runs if run["recipe"] == recipe.name and (found := curve(run)) is not None]
            dash, colour = divmod(number, len(theme.series))
            if curves:
                _line(axes, curves, recipe.name, theme.series[colour], _DASHES[dash % len(_DASHES)])
        if axes.lines:
            axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=min(len(recipes), 4), fontsize=9)
        axes.set_xlim(0, 1)
        axes.xaxis.set_major_formatter(PercentFormatter(1.0))
        axes.set_xlabel("share of the run")
        axes.set_ylabel(label)
        axes.grid(color=theme.line, alpha=0.5)
        return figure

    names = ", ".join(recipe.name for recipe in recipes)
    return picture(name, f"{label} over the course of a run: {names}; mean and range of the seeds.", draw)


def _line(axes: Axes, curves: Sequence[Curve], name: str, colour: str, dash: str) -> None:
    # Runs of different seeds end their epochs at different times, so interpolate all of them on one grid.
    grid = np.linspace(max(places[0] for places, _ in curves), min(places[-1] for places, _ in curves), _POINTS)
    values = np.stack([np.interp(grid, places, measured) for places, measured in curves])
    marker = "o" if grid[0] == grid[-1] else None
    axes.plot(grid, values.mean(axis=0), dash, label=name, color=colour, linewidth=1.8, marker=marker)
    axes.fill_between(grid, values.min(axis=0), values.max(axis=0), color=colour, alpha=0.18, linewidth=0)


def _measured(run: Run, name: str) -> Curve | None:
    """A metric at the end of each epoch, against the share of the run's time that has passed."""
    elapsed = np.cumsum([epoch["seconds"] for epoch in run["history"]])
    points = [(x, epoch[name]) for x, epoch in zip(elapsed / elapsed[-1], run["history"], strict=True)]
    known = np.array([point for point in points if point[1] is not None], np.float64)
    return (known[:, 0], known[:, 1]) if len(known) else None


def _rate(run: Run) -> Curve:
    """The learning rate computed from the schedule, because it also changes within epochs."""
    settings, grid = FitSettings.model_validate(run["settings"]), np.linspace(0.0, 1.0, _POINTS)
    rates = [learning_rate(x, peak=settings.rate, schedule=settings.schedule, warmup=settings.warmup) for x in grid]
    return grid, np.array(rates)
