"""Results of a comparison: the metrics of each run, and a table of the recipes."""

import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from training.compare.charts import charts
from training.compare.recipes import Recipe
from training.compare.trials import Trial
from training.dataset import Dataset
from training.evaluate.report.tables import headline, spoken
from training.metrics.intervals import paired_difference
from training.pipeline.files import write_file, write_json
from training.pipeline.provenance import code, versions

Run = Mapping[str, Any]
_RANKINGS = ("embedding", "logits")
_LEGEND = (
    "Accuracy and ranking metrics are on the test split: mean ± standard deviation over the seeds. Points are the mean "
    "difference (in percentage points) of the metric to their left, between runs of the same seed, with its 95 % t "
    "interval. The interval covers the variation between seeds, not between samples of test photos. Without a metric "
    "loss the embedding head is not trained: it is a random projection of the pooled features. For such a network, "
    "look at the ranking by logits."
)


def figures_of(trial: Trial) -> dict[str, Any]:
    """The entry of a finished trial in `compare.json`.

    Returns:
        recipe, seed, settings, device, epochs, best_epoch (the one kept), seconds (of training, without validation),
        photos_per_s, n (test photos), accuracy, macro_f1, retrieval (by embedding and by logits) and history.
    """
    result = trial.result()
    run, test, history = result["fit"], result["figures"]["test"], result["history"]
    photos = sum(epoch["photos_per_s"] * epoch["seconds"] for epoch in history)
    return {
        "recipe": trial.recipe,
        "seed": trial.settings.seed,
        "settings": run["settings"],
        "device": run["device"],
        "epochs": run["epochs"],
        "best_epoch": run["best_epoch"],
        "seconds": run["seconds"],
        "photos_per_s": photos / sum(epoch["seconds"] for epoch in history),
        **{name: test[name] for name in ("n", "accuracy", "macro_f1")},
        "retrieval": {name: test["retrieval"][name] for name in _RANKINGS},
        "history": history,
    }


def references(recipes: Sequence[Recipe]) -> list[Recipe]:
    """The recipes that the others are compared with: those of the study, else the first one."""
    return [recipe for recipe in recipes if recipe.study] or [recipes[0]]


def rows(recipes: Sequence[Recipe], runs: Sequence[Run]) -> list[dict[str, Any]]:
    """A row for each recipe: means over its runs, standard deviations, and differences to the references.

    Returns:
        recipe, what, runs; accuracy, macro_f1, retrieval by embedding and by logits, photos_per_s and epochs, each
        with mean and s (standard deviation, None for a single run); differences, by reference, of accuracy and of the
        ranking by embedding, paired by seed, each with mean and interval. The study has no embedding, so there are no
        ranking differences to it.
    """
    by_recipe = {recipe.name: [run for run in runs if run["recipe"] == recipe.name] for recipe in recipes}
    measure = headline(runs[0]["retrieval"])
    return [
        {
            "recipe": recipe.name,
            "what": recipe.what,
            "runs": len(own),
            **{
                name: _spread([run[name] for run in own]) for name in ("accuracy", "macro_f1", "photos_per_s", "epochs")
            },
            "retrieval": {
                "measure": measure,
                **{name: _spread([run["retrieval"][name][measure] for run in own]) for name in _RANKINGS},
            },
            "differences": {
                other.name: _differences(own, by_recipe[other.name], None if other.study else measure)
                for other in references(recipes)
                if other != recipe
            },
        }
        for recipe, own in ((recipe, by_recipe[recipe.name]) for recipe in recipes)
    ]


def table(found: Sequence[Mapping[str, Any]], against: Sequence[Recipe]) -> str:
    """The rows as Markdown.

    Args:
        found: result of `rows`.
        against: result of `references`.
    """
    measure = spoken(found[0]["retrieval"]["measure"])
    names = [recipe.name for recipe in against]
    ranked = [name for name in names if any("embedding" in row["differences"].get(name, ()) for row in found)]
    header = [
        "recipe",
        "accuracy",
        *(f"points over {name}" for name in names),
        "macro-F1",
        f"{measure} by embedding",
        *(f"points over {name}" for name in ranked),
        f"{measure} by logits",
        "photos/s",
        "epochs",
    ]
    lines = [header, ["---", *["---:"] * (len(header) - 1)]]
    for row in found:
        lines.append(
            [
                f"{row['recipe']}: {row['what']}",
                _percent(row["accuracy"]),
                *(_points(row, name, "accuracy") for name in names),
                _percent(row["macro_f1"]),
                _percent(row["retrieval"]["embedding"]),
                *(_points(row, name, "embedding") for name in ranked),
                _percent(row["retrieval"]["logits"]),
                f"{row['photos_per_s']['mean']:,.0f}",
                f"{row['epochs']['mean']:,.0f}",
            ]
        )
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def write_comparison(
    out: Path, recipes: Sequence[Recipe], runs: Sequence[Run], dataset: Dataset, notes: Sequence[str]
) -> str:
    """Write `compare.md`, `compare.json` and the charts.

    Args:
        runs: results of `figures_of`.
        notes: notes for the reader, one paragraph each.

    Returns:
        The table with its explanations, as Markdown.
    """
    found = rows(recipes, runs)
    notes = [*notes, *_run_notes(dataset, runs)]
    text = "\n\n".join([table(found, references(recipes)), _LEGEND, *notes])
    pictures = charts(recipes, runs)
    for picture in pictures:
        picture.save(out)
    shown = "\n\n".join(f"![{picture.alt}]({picture.name})" for picture in pictures)
    write_file(out / "compare.md", f"# Recipes compared\n\n{text}\n\n{shown}\n".encode())
    about = {
        "dataset": {name: dataset.summary[name] for name in ("data", "layout", "digest", "splits", "split_products")},
        "size": dataset.preprocessing.size,
        "versions": versions(),
        "code": code(),
        "notes": notes,
    }
    write_json(out / "compare.json", about | {"recipes": found, "runs": runs})
    return text


def _run_notes(dataset: Dataset, runs: Sequence[Run]) -> Iterator[str]:
    devices = sorted({run["device"] for run in runs})
    splits = dataset.summary["splits"]
    yield (
        f"Photos: {splits['train']} for training, {splits['validation']} for choosing the epoch, {runs[0]['n']} for "
        f"testing; {dataset.preprocessing.size} pixels per side. Device: {'; '.join(devices)}."
    )
    if len(devices) > 1:
        yield "The runs used different devices, so they are not comparable: run all of them again with another --out."


def _spread(values: Sequence[float | None]) -> dict[str, float | None]:
    known = [value for value in values if value is not None]
    return {
        "mean": statistics.fmean(known) if known else None,
        "s": statistics.stdev(known) if len(known) > 1 else None,
    }


def _differences(own: Sequence[Run], others: Sequence[Run], measure: str | None) -> dict[str, Any]:
    found = {"accuracy": _difference(own, others, lambda run: run["accuracy"])}
    if measure is not None and own[0]["retrieval"]["embedding"][measure] is not None:
        found["embedding"] = _difference(own, others, lambda run: run["retrieval"]["embedding"][measure])
    return found


def _difference(own: Sequence[Run], others: Sequence[Run], figure: Callable[[Run], float]) -> dict[str, Any]:
    of_seed = {run["seed"]: figure(run) for run in others}
    mean, interval = paired_difference([figure(run) for run in own], [of_seed[run["seed"]] for run in own])
    return {"mean": mean, "interval": interval}


def _percent(spread: Mapping[str, float | None]) -> str:
    mean, s = spread["mean"], spread["s"]
    if mean is None:
        return "n/a"
    return f"{100 * mean:.1f} %" if s is None else f"{100 * mean:.1f} ± {100 * s:.1f} %"


def _points(row: Mapping[str, Any], reference: str, figure: str) -> str:
    difference = row["differences"].get(reference)
    if difference is None:
        return ""
    mean = f"{100 * difference[figure]['mean']:+.1f}"
    if difference[figure]["interval"] is None:
        return mean
    low, high = difference[figure]["interval"]
    return f"{mean} ({100 * low:+.1f} to {100 * high:+.1f})"
