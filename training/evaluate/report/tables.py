"""Rows of the report's tables, from the content of `metrics.json`, `fit.json` and `summary.json`."""

from collections.abc import Iterator, Mapping
from typing import Any

from training.evaluate.report.markup import Html, share


def spoken(name: str) -> str:
    """A figure's or a ranking's name as people write it."""
    return {"map@r": "mAP@R", "pooled": "pooled features"}.get(name, name.replace("_", " "))


def headline(retrieval: Mapping[str, Any]) -> str:
    """The one retrieval figure to show first: by product where products have two photos, else by category."""
    return "category_precision@4" if retrieval["embedding"]["recall@4"] is None else "recall@4"


def retrieval_rows(figures: Mapping[str, Any]) -> Iterator[list[Any]]:
    """One way of ranking a row: its name, its queries, each figure with its interval."""
    for name, entry in figures["test"]["retrieval"].items():
        measures = [measure for measure in entry if measure not in ("n", "intervals")]
        yield [spoken(name), entry["n"], *(share(entry[measure], entry["intervals"][measure]) for measure in measures)]


def category_rows(figures: Mapping[str, Any]) -> Iterator[list[Any]]:
    """A category a row, lowest F1 first, those without a test photo last."""
    rows = figures["test"]["per_category"].items()
    for name, row in sorted(rows, key=lambda item: (not item[1]["count"], item[1]["f1"])):
        if not row["count"]:
            yield [name, 0, *[None] * 6]
            continue
        found = row["retrieval"]
        yield [
            name,
            row["count"],
            share(row["precision"]),
            share(row["recall"], row["recall_interval"]),
            row["f1"],
            found["n"],
            share(found["recall@4"], found["recall@4_interval"]),
            share(found["category_precision@4"]),
        ]


def run_rows(
    figures: Mapping[str, Any], run: Mapping[str, Any], prepared: Mapping[str, Any]
) -> Iterator[tuple[str, Any]]:
    """Where the figures come from: what a person needs to make them again."""
    splits = ", ".join(
        f"{name} {photos:,} of {prepared['split_products'][name]:,} products"
        for name, photos in prepared["splits"].items()
    )
    code = figures["code"]
    yield "data", f"{prepared['data']} ({prepared['layout']})"
    yield "photos", splits
    yield "photo size", f"{prepared['preprocessing']['size']} pixels, {prepared['preprocessing']['fit']}"
    yield "split seed", str(prepared["seed"])
    yield "epochs", f"{run['epochs']}, kept: {run['best_epoch']}"
    yield "time of training", f"{run['seconds']:,.0f} s on {run['device']}"
    yield "metric loss on", f"labels by {run['metric_labels']}"
    yield "evaluated on", figures["device"]
    yield "versions", ", ".join(f"{name} {version}" for name, version in figures["versions"].items())
    yield "code", f"lookalike {code['version']}" + (f", commit {code['commit']}" if code["commit"] else "")
    yield "dataset", Html(f"<code>{figures['dataset']}</code>")
    yield "weights", Html(f"<code>{figures['weights']}</code>")
