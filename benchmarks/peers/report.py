"""The table and the plot of engines beside ours."""

from collections.abc import Sequence
from pathlib import Path
from statistics import median

from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from benchmarks.peers.engines import OURS
from benchmarks.peers.result import Result, Size

_MB = 1e6
_HEADS = (
    *("engine", "setting", "recall@10", "p50, ms", "p99, ms", "build, s", "build, CPU s", "MB"),
    *("open and first, ms", "category: p50, ms", "category: recall"),
)


def lines(size: Size) -> list[str]:
    """A Markdown table: medians over the rounds and, of p50, the smallest and the largest round."""
    rows = [f"{size.count:,} vectors; recall@10 to reach, by the queries for tuning: {size.recall:.4f}", ""]
    rows += [_row(_HEADS), _row(["---"] * len(_HEADS))]
    rows += [_row(_cells(result, size.recall)) for result in size.results]
    rows += [_row([failed.name, f"not measured: {failed.reason}", *[""] * (len(_HEADS) - 2)]) for failed in size.failed]
    return rows


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cells(result: Result, target: float) -> list[str]:
    rounds = result.rounds
    medians = [one.median for one in rounds]
    setting = " ".join(map(str, result.chosen.setting)) or "its own"
    if result.chosen.recall < target:
        setting += " (its best)"
    filtered = [one.filtered for one in rounds if one.filtered is not None]
    recalls = [one.filtered_recall for one in rounds if one.filtered_recall is not None]
    return [
        result.name,
        setting,
        f"{median(one.recall for one in rounds):.4f}",
        f"{median(medians):.3f} ({min(medians):.3f}..{max(medians):.3f})",
        f"{median(one.slowest for one in rounds):.3f}",
        f"{result.built.seconds:.0f}",
        f"{result.built.processor:.0f}",
        f"{result.built.bytes / _MB:,.1f}",
        f"{median(one.first for one in rounds):,.1f}",
        f"{median(filtered):.2f}" if filtered else "no filter",
        f"{median(recalls):.3f}" if recalls else "",
    ]


def plot(size: Size, path: Path) -> Path:
    """Write a PNG: recall and time of all settings that were tried, one line for each engine. Returns its path."""
    figure = Figure(figsize=(8.0, 5.0), layout="constrained")
    axes = figure.add_subplot()
    for result in size.results:
        points = best([(one.recall, one.median) for one in result.tried])
        mine = result.name == OURS
        axes.plot(
            [1 - recall for recall, _ in points],
            [time for _, time in points],
            marker="*" if mine else "o",
            markersize=14 if mine else 4,
            linestyle="none" if mine else "-",
            color="black" if mine else None,
            zorder=3 if mine else 2,
            label=result.name,
        )
    axes.axvline(1 - size.recall, color="black", linewidth=0.7, linestyle=":", label="recall of ours")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.invert_xaxis()
    # The scale is that of the missed neighbours; the labels are recalls.
    axes.xaxis.set_major_formatter(lambda missed, _: f"{1 - missed:.6g}")
    axes.xaxis.set_minor_formatter(NullFormatter())
    for formatter in (axes.yaxis.set_major_formatter, axes.yaxis.set_minor_formatter):
        formatter(lambda time, _: f"{time:.2g}")
    axes.set_xlabel("recall@10 (better to the right)")
    axes.set_ylabel("ms a query, p50, one thread (better below)")
    axes.set_title(f"{size.count:,} vectors of 256 dimensions", fontsize=11)
    axes.grid(alpha=0.3, which="both")
    axes.legend(fontsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    return path


def best(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Of (recall, time), those that no other one beats in both, by rising recall. Recall 1 is drawn as 0.99995."""
    kept: list[tuple[float, float]] = []
    for recall, time in sorted(points, key=lambda point: (-point[0], point[1])):
        if not kept or time < kept[-1][1]:
            kept.append((min(recall, 0.99995), time))
    return kept[::-1]
