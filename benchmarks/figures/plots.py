"""Plots of sweeps, drawn without a display."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from matplotlib.figure import Figure

_DOTS_PER_INCH = 110


def plot_sweep(
    x: Sequence[float],
    series: Mapping[str, Sequence[float]],
    path: Path,
    *,
    x_label: str,
    y_label: str,
    scale: Literal["linear", "log"] = "linear",
) -> Path:
    """Write a PNG with one line per series over the same x; returns its path.

    Args:
        series: name -> values, one for each x.
        scale: scale of both axes.

    Raises:
        ValueError: a series and x have different lengths.
    """
    figure = Figure(figsize=(7.0, 4.0), layout="constrained")
    axes = figure.add_subplot()
    for name, values in series.items():
        if len(values) != len(x):
            raise ValueError(f"{name} has {len(values)} values for {len(x)} points of {x_label}")
        axes.plot(x, values, marker="o", label=name)
    axes.set_xscale(scale)
    axes.set_yscale(scale)
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    if scale == "linear":
        axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3, which="both")
    axes.legend()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=_DOTS_PER_INCH)
    return path
