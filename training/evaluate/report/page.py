"""The evaluation report for people: one HTML file, charts and photos within it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from training.evaluate.report.cases import Gallery
from training.evaluate.report.markup import Html, chart, html, points, share, table
from training.evaluate.report.notes import notes
from training.evaluate.report.photos import Shelf, cases_section, mistakes_section
from training.evaluate.report.pictures import Picture
from training.evaluate.report.style import STYLE
from training.evaluate.report.tables import category_rows, headline, retrieval_rows, run_rows, spoken
from training.pipeline.files import write_file

_FEW = 10  # most confused pairs shown


@dataclass(frozen=True)
class Report:
    """What the page tells.

    Attributes:
        figures: the content of `metrics.json`.
        run: the content of `fit.json`.
        prepared: the dataset's `summary.json`.
        pictures: by file name.
        gallery: the cases; shelf: their photos.
    """

    figures: Mapping[str, Any]
    run: Mapping[str, Any]
    prepared: Mapping[str, Any]
    pictures: Mapping[str, Picture]
    gallery: Gallery
    shelf: Shelf


def write_report(path: Path, report: Report) -> None:
    """Write the page."""
    sections: dict[str, Callable[[Report], Html]] = {
        "Retrieval": _retrieval,
        "Categories": _categories,
        "Confusion": _confusion,
        "Calibration": _calibration,
        "Neighbours": _neighbours,
        "Training": _training,
        "Provenance": _provenance,
    }
    links = "".join(f'<a href="#{name.lower()}">{name}</a>' for name in sections)
    body = "".join(
        f'<section id="{name.lower()}"><h2>{name}</h2>{make(report)}</section>' for name, make in sections.items()
    )
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Evaluation</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<style>{STYLE}</style></head><body>{_head(report)}<nav>{links}</nav>{_tiles(report)}{_notes(report)}{body}"
        "</body></html>\n"
    )
    write_file(path, page.encode())


def _head(report: Report) -> Html:
    figures, test = report.figures, report.figures["test"]
    return Html(
        f"<h1>Evaluation of {escape(str(report.run['settings']['backbone']))} on {escape(report.prepared['data'])}</h1>"
        f"<p>{test['n']:,} test photos of {test['products']:,} products that training has not seen; a gallery of "
        f"{figures['gallery']:,} photos. Small figures are 95 % intervals.</p>"
    )


def _tiles(report: Report) -> Html:
    figures, test = report.figures, report.figures["test"]
    found = test["retrieval"]["embedding"]
    measure = headline(test["retrieval"])
    lead = figures["leads"]["logits"][measure]
    tiles = [
        ("accuracy", share(test["accuracy"]), _among(test["intervals"]["accuracy"], test["n"], "photos")),
        ("top-3 accuracy", share(test["top3"]), _among(test["intervals"]["top3"], test["n"], "photos")),
        (spoken(measure), share(found[measure]), _among(found["intervals"][measure], found["n"], "queries")),
        (
            "over ranking by logits",
            points(lead["difference"]),
            "points" + ("" if lead["interval"] is None else f", {_ends(lead['interval'], '+.1f')}"),
        ),
        (
            "calibration error",
            Html("n/a" if test["ece"] is None else f"{test['ece']:.3f}"),
            "n/a" if test["ece"] is None else f"{test['ece_uncalibrated']:.3f} before the temperature",
        ),
    ]
    drawn = (
        f'<div class="tile"><span>{escape(name)}</span><b>{value}</b><small>{escape(text)}</small></div>'
        for name, value, text in tiles
    )
    return Html(f'<div class="tiles">{"".join(drawn)}</div>')


def _among(interval: Sequence[float] | None, n: int, unit: str) -> str:
    return f"{n:,} {unit}" if interval is None else f"{_ends(interval, '.1f')}, {n:,} {unit}"


def _ends(interval: Sequence[float], form: str) -> str:
    low, high = (format(100 * end, form) for end in interval)
    return f"{low} to {high}"


def _notes(report: Report) -> Html:
    found = notes(report.figures, report.run)
    items = "".join(f"<li>{escape(note)}</li>" for note in found)
    return Html(f'<section class="notes"><h2>Worth a look</h2><ul>{items}</ul></section>' if found else "")


def _retrieval(report: Report) -> Html:
    retrieval, measures = report.figures["test"]["retrieval"], ("recall@1", "recall@4", "recall@10")
    paired = headline(retrieval) == "recall@4"
    who = (
        "Queries are the test photos whose product has another photo"
        if paired
        else "No test photo has another photo of its product, so only categories can be judged"
    )
    return Html(
        f"<p>{who}; the gallery is every photo but the query itself, ranked by cosine, exactly. recall@k: a photo of "
        "the same product is among the first k. Category precision@k: share of the first k of the query's category. "
        "mAP@R: how far all other photos of the product stand at the top. The embedding is what the release serves; "
        "the others are what ranking without it would give.</p>"
        + table(("ranked by", "queries", *_measures(retrieval)), retrieval_rows(report.figures))
        + chart(report.pictures["retrieval.png"])
        + table(
            ("embedding over", *_measures(retrieval)),
            [
                (spoken(name), *(points(lead["difference"], lead["interval"]) for lead in leads.values()))
                for name, leads in report.figures["leads"].items()
            ],
            "Points gained on the same queries" + (f" ({', '.join(measures)} by product)" if paired else ""),
        )
    )


def _measures(retrieval: Mapping[str, Any]) -> Iterator[str]:
    return (spoken(name) for name in retrieval["embedding"] if name not in ("n", "intervals"))


def _neighbours(report: Report) -> Html:
    shelf, gallery = report.shelf, report.gallery
    paired = headline(report.figures["test"]["retrieval"]) == "recall@4"
    legend = "✓ same product, ≈ same category, ✗ another category" if paired else "✓ same category, ✗ another category"
    worst = (
        "No photo of the product among the first 4, largest lead of a wrong neighbour first; one query a product."
        if paired
        else "Most, and most similar, neighbours of another category among the first 4."
    )
    return Html(
        f"<p>The first 4 neighbours by the embedding, with their cosines: {legend}. Rest the pointer on a photo for "
        "its listing.</p>"
        + cases_section(shelf, "Worst", worst, gallery.worst)
        + cases_section(shelf, "Best", "Largest lead of a right neighbour, one of each category first.", gallery.best)
        + cases_section(shelf, "Drawn at random", "What is usual, so that neither end misleads.", gallery.drawn)
    )


def _categories(report: Report) -> Html:
    header = ("category", "photos", "precision", "recall", "F1", "queries", "recall@4", "category precision@4")
    test = report.figures["test"]
    return Html(
        f"<p>Macro-F1, the mean over the categories that occur: {html(test['macro_f1'])}. Always telling the category "
        f"that is most frequent in training would be right for {share(test['majority'])} of the test photos.</p>"
        "<p>Lowest F1 first. Precision: how often the category is right when it is told; recall: how often it is told "
        "when it is right. The last columns are neighbours by the embedding.</p>"
        + table(header, category_rows(report.figures))
        + chart(report.pictures["per_category.png"])
    )


def _confusion(report: Report) -> Html:
    pairs = report.figures["confused"][:_FEW]
    rows = [
        (f"{pair['true']} → {pair['told']}", pair["count"], share(pair["share"], pair["interval"])) for pair in pairs
    ]
    photos = mistakes_section(report.shelf, report.gallery.mistakes, report.figures["categories"])
    return Html(
        chart(report.pictures["confusion.png"])
        + (table(("true → told", "photos", "of the true"), rows, "Most confused") if rows else "<p>No mistake.</p>")
        + (
            "<h3>Most confident mistakes</h3><p>Told with the largest probability and wrong: some are the label's "
            f'mistake, not the model\'s.</p><div class="strip wrapped">{photos}</div>'
            if photos
            else ""
        )
    )


def _calibration(report: Report) -> Html:
    figures, test = report.figures, report.figures["test"]
    if test["ece"] is None:
        return Html("<p>No test photo to judge by.</p>")
    rows = [
        (f"at least {row['threshold']:.2f}", row["count"], share(row["share"]), share(row["accuracy"], row["interval"]))
        for row in figures["calibration"]["coverage"]
    ]
    return Html(
        f"<p>Logits are divided by the temperature {figures['temperature']:.3f}, fitted on "
        f"{figures['validation']['n']:,} validation photos; it ships in the release, and the API's probabilities are "
        "made with it. It moves no photo to another category. The larger a point, the more photos.</p>"
        '<div class="beside"><div>'
        + chart(report.pictures["reliability.png"])
        + "</div><div>"
        + table(
            ("test photos", "before", "after"),
            [
                ("expected calibration error", test["ece_uncalibrated"], test["ece"]),
                ("negative log-likelihood, nats", test["nll_uncalibrated"], test["nll"]),
            ],
        )
        + table(("probability", "photos", "share", "accuracy"), rows, "Answering only where the model is sure")
        + "</div></div>"
    )


def _training(report: Report) -> Html:
    charts = (report.pictures[name] for name in ("loss.png", "accuracy.png", "learning_rate.png"))
    rows = [
        (name, split["n"], share(split["accuracy"], split["interval"]))
        for name, split in (
            ("train", report.figures["train"]),
            ("validation", report.figures["validation"]),
            ("test", {**report.figures["test"], "interval": report.figures["test"]["intervals"]["accuracy"]}),
        )
    ]
    return Html(
        f'<div class="charts">{"".join(f"<div>{chart(picture)}</div>" for picture in charts)}<div>'
        + table(("split", "photos", "accuracy"), rows, "The kept weights on each split, without augmentation")
        + "</div></div>"
    )


def _provenance(report: Report) -> Html:
    run, settings = run_rows(report.figures, report.run, report.prepared), report.run["settings"]
    return Html(
        '<div class="beside values"><div>'
        + table((), run, "Run")
        + "</div><div>"
        + table((), ((name, str(value)) for name, value in settings.items()), "Settings of training")
        + "</div></div>"
    )
