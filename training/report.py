"""The evaluation report for people: one plain HTML page beside its pictures."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse;margin:1rem 0}th,td{padding:.2rem .8rem;border-bottom:1px solid #ccc}"
    "td{text-align:right;font-variant-numeric:tabular-nums}td:first-child{text-align:left}img{max-width:100%}"
)


def write_report(
    path: Path, figures: Mapping[str, Any], history: Sequence[Mapping[str, Any]], pictures: Sequence[str]
) -> None:
    """Write the page.

    Args:
        figures: the content of `metrics.json`.
        history: the epochs of the run.
        pictures: names of PNG files beside `path`.
    """
    test = figures["test"]
    names = ("n", "accuracy", "top3", "macro_f1", "ece", "ece_uncalibrated")
    parts = [
        f"<h1>Evaluation</h1><p>{test['n']} test photos, a gallery of {figures['gallery']}; {len(history)} epochs; "
        f"{escape(figures['device'])}. Probabilities are calibrated with the temperature "
        f"{figures['temperature']:.3f}, fitted on {figures['validation']['n']} validation photos.</p>",
        _table(("figure", "value"), [(name, test[name]) for name in names]),
        "<h2>Retrieval</h2><p>Queries are test photos; the gallery is every other photo.</p>",
        _retrieval(test["retrieval"]),
        "<h2>Categories</h2>",
        _table(
            ("category", "precision", "recall", "f1", "count"),
            [
                (name, *(row[key] for key in ("precision", "recall", "f1", "count")))
                for name, row in test["per_category"].items()
            ],
        ),
        "<h2>Pictures</h2>",
        *(f'<p><img src="{escape(name)}" alt="{escape(Path(name).stem)}"></p>' for name in pictures),
    ]
    page = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Evaluation</title><style>{_STYLE}</style>'
    path.write_text(page + "".join(parts) + "</html>\n", encoding="utf-8")


def _retrieval(retrieval: Mapping[str, Mapping[str, Any]]) -> str:
    columns = list(retrieval["embedding"])
    return _table(("ranked by", *columns), [(name, *(row[key] for key in columns)) for name, row in retrieval.items()])


def _table(header: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in header)
    body = "".join(f"<tr>{''.join(f'<td>{_cell(value)}</td>' for value in row)}</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"


def _cell(value: Any) -> str:
    if value is None:
        return "n/a"
    return f"{value:.3f}" if isinstance(value, float) else escape(str(value))
