"""The rows of the report's tables, from the content of `metrics.json`: order and names."""

from collections.abc import Mapping
from typing import Any


def spoken(name: str) -> str:
    """The name of a metric or ranking for display."""
    return {"map@r": "mAP@R", "pooled": "pooled features"}.get(name, name.replace("_", " "))


def headline(retrieval: Mapping[str, Any]) -> str:
    """The main retrieval metric: by product if any product has two photos, else by category."""
    return "category_precision@4" if retrieval["embedding"]["recall@4"] is None else "recall@4"


def measures(retrieval: Mapping[str, Any]) -> list[str]:
    """The names of the retrieval metrics."""
    return [name for name in retrieval["embedding"] if name not in ("n", "intervals")]


def category_rows(per_category: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, Mapping[str, Any]]]:
    """The categories with their metrics: lowest F1 first, categories without test photos last."""
    return sorted(per_category.items(), key=lambda row: (not row[1]["count"], row[1]["f1"]))


def split_rows(figures: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """The classification metrics of each split: n, accuracy and its interval."""
    test = {**figures["test"], "interval": figures["test"]["intervals"]["accuracy"]}
    return [("train", figures["train"]), ("validation", figures["validation"]), ("test", test)]
