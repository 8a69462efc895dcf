"""The report's pictures, drawn off screen through matplotlib's objects: no global state, no display."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

_DOTS_PER_INCH = 110


def plot_history(history: Sequence[Mapping[str, Any]], folder: Path) -> list[Path]:
    """Learning rate, loss and validation figures by epoch, a PNG each; the files written."""
    return [
        _curves(
            history, {"lr": "learning rate"}, "learning rate at the end of the epoch", folder / "learning_rate.png"
        ),
        _curves(
            history,
            {"train_loss": "training (all terms)", "val_loss": "validation (cross-entropy)"},
            "loss",
            folder / "loss.png",
        ),
        _curves(
            history, {"val_accuracy": "accuracy", "val_recall4": "recall@4"}, "validation", folder / "accuracy.png"
        ),
    ]


def plot_confusion(confusion: Sequence[Sequence[int]], categories: Sequence[str], path: Path) -> Path:
    """The confusion matrix, coloured by the share of each true category, labelled with counts."""
    counts = np.asarray(confusion)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = 3.0 + 0.5 * len(categories)
    figure, axes = _figure(side + 1.0, side)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, column in zip(*np.nonzero(counts), strict=True):
        dark = shares[row, column] > 0.5
        axes.text(column, row, str(counts[row, column]), ha="center", va="center", color="white" if dark else "black")
    axes.set_xticks(range(len(categories)), categories, rotation=60, ha="right")
    axes.set_yticks(range(len(categories)), categories)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    return _save(figure, path)


def plot_per_category(per_category: Mapping[str, Mapping[str, Any]], path: Path) -> Path:
    """F1 of each category, with its number of test photos."""
    figure, axes = _figure(8.0, 1.5 + 0.35 * len(per_category))
    names = [f"{name} ({figures['count']})" for name, figures in per_category.items()]
    axes.barh(names, [figures["f1"] for figures in per_category.values()])
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    axes.set_xlabel("F1 on the test split (photos)")
    return _save(figure, path)


def _curves(history: Sequence[Mapping[str, Any]], series: Mapping[str, str], label: str, path: Path) -> Path:
    figure, axes = _figure(7.0, 4.0)
    for key, name in series.items():
        points = [(epoch["epoch"], epoch[key]) for epoch in history if epoch[key] is not None]
        if points:
            axes.plot(*zip(*points, strict=True), label=name)
    if axes.lines:
        axes.legend()
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_ylabel(label)
    axes.grid(alpha=0.3)
    return _save(figure, path)


def _figure(width: float, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.add_subplot()


def _save(figure: Figure, path: Path) -> Path:
    figure.savefig(path, dpi=_DOTS_PER_INCH)
    return path
