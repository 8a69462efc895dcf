"""The charts of the test metrics: confusion, categories, reliability and retrieval."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.collections import PathCollection
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from training.evaluate.report.pictures import Picture, Theme, in_percent, legend_above, one_plot, picture, plain
from training.evaluate.report.tables import spoken
from training.metrics.intervals import wilson

COUNTED = 30  # a confusion matrix with more categories shows only colours, no counts


def plot_confusion(confusion: Sequence[Sequence[int]], categories: Sequence[str]) -> Picture:
    """The confusion matrix, coloured by the share of each true category, labelled with counts."""
    counts = np.asarray(confusion)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = min(3.0 + 0.5 * len(categories), 14.0)

    def draw(theme: Theme) -> Figure:
        figure, axes = one_plot(side + 2.0, side)
        colours = LinearSegmentedColormap.from_list("shares", [theme.page, theme.series[0]])
        scale = figure.colorbar(axes.imshow(shares, cmap=colours, vmin=0, vmax=1), ax=axes, shrink=0.5, aspect=30)
        scale.set_label("share of the photos of the true category")
        scale.outline.set_edgecolor(theme.line)
        in_percent(scale.ax.yaxis)
        for row, column in zip(*np.nonzero(counts), strict=True) if len(counts) <= COUNTED else ():
            colour = theme.page if shares[row, column] > 0.5 else theme.ink
            axes.text(column, row, str(counts[row, column]), ha="center", va="center", color=colour, fontsize=9)
        names, size = [plain(name) for name in categories], 9 if len(categories) <= COUNTED else 5
        axes.set_xticks(range(len(names)), names, rotation=60, ha="right", rotation_mode="anchor", fontsize=size)
        axes.set_yticks(range(len(names)), names, fontsize=size)
        edges = np.arange(len(names) + 1) - 0.5
        axes.set_xticks(edges, minor=True)
        axes.set_yticks(edges, minor=True)
        axes.grid(which="minor", color=theme.line, alpha=0.5, linewidth=0.6)
        axes.tick_params(which="minor", length=0)
        axes.set_xlabel("predicted category")
        axes.set_ylabel("true category")
        return figure

    return picture(
        "confusion.png", "Confusion matrix: a row for each true category, a column for each predicted category.", draw
    )


def plot_per_category(per_category: Mapping[str, Mapping[str, Any]]) -> Picture:
    """Recall with interval, and precision, of each category that has test photos; lowest F1 first."""
    rows = sorted(((n, f) for n, f in per_category.items() if f["count"]), key=lambda row: row[1]["f1"])
    recall = np.array([figures["recall"] for _, figures in rows])
    whiskers = _whiskers(recall, [figures["recall_interval"] for _, figures in rows])

    def draw(theme: Theme) -> Figure:
        figure, axes = one_plot(8.0, 1.4 + 0.32 * len(rows))
        places = range(len(rows))
        first, second, _ = theme.series
        axes.errorbar(
            recall, places, xerr=whiskers, fmt="o", color=first, capsize=3, label="recall (95 % interval)", zorder=3
        )
        precision = [figures["precision"] for _, figures in rows]
        axes.scatter(precision, places, marker="D", s=28, color=second, label="precision", zorder=4)
        axes.set_yticks(places, [f"{plain(name)} ({figures['count']})" for name, figures in rows])
        axes.invert_yaxis()
        axes.set_xlim(-0.02, 1.02)
        axes.grid(axis="x", color=theme.line, alpha=0.5)
        in_percent(axes.xaxis)
        axes.set_xlabel("recall, precision")
        axes.set_ylabel("category (test photos)")
        legend_above(axes, 2)
        return figure

    return picture(
        "per_category.png", "Dot plot of the recall, with its 95 % interval, and the precision of each category.", draw
    )


def plot_reliability(before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]) -> Picture:
    """Accuracy against confidence before and after the temperature, and below it the number of photos in each bin.

    Whiskers are Wilson's 95 % intervals.
    """

    def draw(theme: Theme) -> Figure:
        figure = Figure(figsize=(6.0, 5.8), layout="constrained")
        axes, counts = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
        axes.plot((0, 1), (0, 1), linestyle="--", color=theme.line, label="perfect calibration")
        series = (
            (before, "before the temperature", theme.series[1], "s"),
            (after, "after the temperature", theme.series[0], "o"),
        )
        for points, name, colour, marker in series:
            confidence, accuracy, count = ([p[key] for p in points] for key in ("confidence", "accuracy", "count"))
            whiskers = _whiskers(accuracy, [wilson(p["accuracy"], p["count"]) for p in points])
            axes.errorbar(confidence, accuracy, yerr=whiskers, fmt="none", ecolor=colour, alpha=0.35, linewidth=1)
            # The area grows with the number of photos: a bin with few photos proves little.
            areas = 14 + 180 * np.array(count) / max(count, default=1)
            axes.scatter(confidence, accuracy, areas, marker=marker, color=colour, alpha=0.9, label=name, zorder=3)
            if points:
                edges, heights = _filled(points)
                counts.stairs(heights, edges, color=colour, linewidth=1.6)
        axes.set_xlim(0, 1.02)
        axes.set_ylim(-0.04, 1.06)
        axes.set_ylabel("accuracy of the photos of a bin")
        in_percent(axes.yaxis)
        in_percent(counts.xaxis)
        counts.set_xlabel("confidence (probability of the predicted category)")
        counts.set_ylabel("photos in a bin")
        counts.yaxis.set_major_locator(MaxNLocator(4, integer=True))
        axes.grid(color=theme.line, alpha=0.5)
        for handle in legend_above(axes, 2).legend_handles:
            if isinstance(handle, PathCollection):
                handle.set_sizes([40])
        return figure

    return picture(
        "reliability.png",
        "Reliability diagram: accuracy against confidence, and the number of photos in each bin.",
        draw,
    )


def plot_retrieval(retrieval: Mapping[str, Mapping[str, Any]], measures: Sequence[str]) -> Picture:
    """Bars with intervals: these metrics for each ranking. A metric that is None has no bar."""
    alt = f"{', '.join(map(spoken, measures))} of the rankings by {', '.join(map(spoken, retrieval))}."

    def draw(theme: Theme) -> Figure:
        figure, axes = one_plot(8.0, 3.8)
        width = 0.8 / len(retrieval)
        for number, (name, figures) in enumerate(retrieval.items()):
            known = [(place, measure) for place, measure in enumerate(measures) if figures[measure] is not None]
            places = [place + (number - (len(retrieval) - 1) / 2) * width for place, _ in known]
            heights = np.array([figures[measure] for _, measure in known])
            whiskers = _whiskers(heights, [figures["intervals"][measure] for _, measure in known])
            axes.bar(places, heights, width * 0.92, color=theme.series[number], label=f"ranked by {spoken(name)}")
            axes.errorbar(places, heights, yerr=whiskers, fmt="none", ecolor=theme.ink, capsize=3, linewidth=1)
        axes.set_xticks(range(len(measures)), [spoken(measure) for measure in measures])
        axes.set_ylim(0, 1.02)
        in_percent(axes.yaxis)
        axes.set_ylabel(f"{spoken(measures[0].partition('@')[0])}, with 95 % interval")
        axes.grid(axis="y", color=theme.line, alpha=0.5)
        axes.set_axisbelow(True)
        legend_above(axes, len(retrieval))
        return figure

    return picture("retrieval.png", "Bar chart: " + alt, draw)


def _whiskers(values: Any, intervals: Sequence[Sequence[float]]) -> Any:
    """Distances from the values to both ends of their intervals, (2, n), as matplotlib needs for error bars."""
    ends = np.asarray(intervals, np.float64).reshape(-1, 2)
    return np.abs(ends.T - values)


def _filled(points: Sequence[Mapping[str, Any]]) -> tuple[list[float], list[int]]:
    """Edges and counts of all bins, with empty bins added where `points` has none."""
    edges, heights = [points[0]["low"]], []
    for point in points:
        if point["low"] > edges[-1]:
            edges.append(point["low"])
            heights.append(0)
        edges.append(point["high"])
        heights.append(point["count"])
    return edges, heights
