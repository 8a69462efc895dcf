"""The result of a run, in a few lines of text."""

import json
from collections.abc import Sequence
from typing import Any

from lambda_app.release.manifest import Manifest
from training.evaluate.baseline import in_words
from training.metrics.intervals import FEW_PHOTOS
from training.pipeline.work_folder import WorkFolder


def summarise(work: WorkFolder, manifest: Manifest) -> str:
    """The result of the run, in five lines of text."""
    report = json.loads((work.report / "metrics.json").read_bytes())
    test, altered, ranked = report["test"], report["alterations"], report["ranking"]["test"]
    by_embedding, few = test["retrieval"]["embedding"], test["n"] < FEW_PHOTOS
    figures = {
        "accuracy": _with_interval(test, "accuracy"),
        "recall@4 by embedding": _with_interval(by_embedding, "recall@4"),
        "by logits": _with_interval(test["retrieval"]["logits"], "recall@4"),
    }
    photos = "1 test photo" if test["n"] == 1 else f"{test['n']} test photos"
    queries = "1 test photo" if altered["n"] == 1 else f"{altered['n']} test photos"
    known = ", ".join(f"{name} {_figure(*figure, few=few)}" for name, figure in figures.items())
    entries = {name: entry for name, entry in altered.items() if isinstance(entry, dict) and name != "untouched"}
    found = ", ".join(
        f"{name.replace('_', ' ')} {_figure(entry['as_served'], None, few=few)} "
        f"({_figure(entry['found_first'], None, few=few)})"
        for name, entry in entries.items()
    )
    same = [_figure(*_with_interval(entry, "category_precision@10"), few=few) for entry in (by_embedding, ranked)]
    return (
        f"release {manifest.release}: {known} ({photos}{', 95 % intervals' if few else ''})\n"
        f"category precision@10 by embedding {same[0]}, in the order of results {same[1]} (category weight "
        f"{manifest.ranking.category_weight:g}, recall@4 {_figure(*_with_interval(ranked, 'recall@4'), few=few)})\n"
        f"{in_words(report['baseline'])}\n"
        f"altered photos that find themselves first (by the embedding alone): {found}; {queries}\n"
        f"{work.archive}"
    )


def summarise_reused(work: WorkFolder, manifest: Manifest) -> str:
    """The result of a run that has trained nothing, in three lines of text."""
    test, origin = manifest.evaluation.get("test", {}), manifest.evaluation["reused_from"]
    recall = test.get("retrieval", {}).get("embedding", {}).get("recall@4")
    figures = {"accuracy": test.get("accuracy"), "recall@4 by embedding": recall}
    known = ", ".join(f"{name} {_figure(value, None, few=False)}" for name, value in figures.items())
    return (
        f"release {manifest.release}: {manifest.catalog.count:,} photos, with the model of {origin}; nothing was "
        f"trained\n{known}: measured on the test photos of {origin}, not again\n{work.archive}"
    )


def _with_interval(entry: dict[str, Any], name: str) -> tuple[float | None, list[float] | None]:
    return entry[name], entry["intervals"][name]


def _figure(value: float | None, interval: Sequence[float] | None, *, few: bool) -> str:
    if value is None:
        return "n/a"
    return f"{value:.3f} [{interval[0]:.2f} to {interval[1]:.2f}]" if few and interval else f"{value:.3f}"
