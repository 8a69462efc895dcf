"""The charts of a training run: learning rate, loss and validation metrics by epoch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from training.evaluate.report.pictures import Picture, Theme, in_percent, legend_above, one_plot, picture

Epochs = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Growth:
    """When the training photos became larger: in this epoch, from a side of `before` to `after` pixels."""

    epoch: int
    before: int
    after: int

    @property
    def label(self) -> str:
        """The label in a chart."""
        return f"photos grow from {self.before} to {self.after} pixels"


def growth_of(history: Epochs) -> Growth | None:
    """The first epoch that ended with larger training photos than the one before. None if there is none.

    Args:
        history: epochs with their number and the side of their photos. Runs of older code have no side.
    """
    known = [epoch for epoch in history if epoch.get("side") is not None]
    for before, after in pairwise(known):
        if before["side"] < after["side"]:
            return Growth(after["epoch"], before["side"], after["side"])
    return None


def plot_history(history: Epochs, best_epoch: int | None = None) -> list[Picture]:
    """Loss, validation metrics and learning rate by epoch.

    Vertical lines mark the epoch whose weights were kept and the epoch in which the photos grew.
    """
    growth = growth_of(history)

    def curves(name: str, label: str, series: Mapping[str, str], shares: bool = False, zero: bool = False) -> Picture:
        def draw(theme: Theme) -> Figure:
            figure, axes = one_plot(6.0, 3.9)
            for (key, title), colour in zip(series.items(), theme.series, strict=False):
                _curve(axes, history, key, title, colour)
            _mark(axes, theme, best_epoch, growth)
            axes.set_xlabel("epoch")
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
            axes.set_xlim(epoch_axis(len(history)))
            axes.set_ylabel(label)
            if shares:
                in_percent(axes.yaxis)
            if zero:
                axes.set_ylim(bottom=0)
            axes.grid(color=theme.line, alpha=0.5)
            if axes.lines:
                legend_above(axes, 2)
            return figure

        return picture(name, f"Line chart by epoch of the run, {label}: {', '.join(series.values())}.", draw)

    loss = {"train_loss": "training loss (all terms)", "val_loss": "validation loss (cross-entropy)"}
    found = {"val_accuracy": "accuracy", "val_recall4": "recall@4 by the embedding"}
    return [
        curves("loss.png", "loss (nats)", loss),
        curves("accuracy.png", "share of validation photos", found, shares=True),
        curves("learning_rate.png", "learning rate", {"lr": "at the end of the epoch"}, zero=True),
    ]


def epoch_axis(epochs: int) -> tuple[float, float] | None:
    """The limits of an axis of epochs; None: by the data, of which one epoch would give an axis of a tenth of it."""
    return (0, 2) if epochs == 1 else None


def _curve(axes: Axes, history: Epochs, key: str, title: str, colour: str) -> None:
    points = [(epoch["epoch"], epoch[key]) for epoch in history if epoch[key] is not None]
    if points:
        marker = "o" if len(points) == 1 else None
        axes.plot(*zip(*points, strict=True), label=title, color=colour, linewidth=1.8, marker=marker)


def _mark(axes: Axes, theme: Theme, best_epoch: int | None, growth: Growth | None) -> None:
    if best_epoch:
        axes.axvline(best_epoch, color=theme.ink, linestyle=":", linewidth=1.2, label=f"epoch kept: {best_epoch}")
    if growth:
        # Points show the end of an epoch, so a change during an epoch is between its point and the one before.
        axes.axvline(growth.epoch - 0.5, color=theme.ink, linestyle="--", linewidth=1.2, label=growth.label)
