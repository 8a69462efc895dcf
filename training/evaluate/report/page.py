"""The evaluation report: one HTML file that contains its style sheet, charts and photos."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.evaluate.report import charts, rendering
from training.evaluate.report.cases import Gallery
from training.evaluate.report.curves import growth_of
from training.evaluate.report.notes import notes
from training.evaluate.report.photos import GalleryPhotos
from training.evaluate.report.pictures import Picture
from training.evaluate.report.tables import category_rows, headline, measures, split_rows
from training.pipeline.files import write_file

_FEW = 10  # most confused pairs shown


@dataclass(frozen=True)
class Report:
    """The content of the page.

    Attributes:
        figures: the content of `metrics.json`.
        run: the content of `fit.json`.
        history: the content of `history.json`.
        prepared: the dataset's `summary.json`.
        pictures: charts by file name.
        gallery: the example cases.
        photos: the photos of the example cases.
    """

    figures: Mapping[str, Any]
    run: Mapping[str, Any]
    history: Sequence[Mapping[str, Any]]
    prepared: Mapping[str, Any]
    pictures: Mapping[str, Picture]
    gallery: Gallery
    photos: GalleryPhotos


def write_report(path: Path, report: Report) -> None:
    """Write the page."""
    write_file(path, rendering.render("page.html.jinja", **values(report)).encode())


def values(report: Report) -> dict[str, Any]:
    """The variables of the templates, by name."""
    figures, gallery, photos = report.figures, report.gallery, report.photos
    retrieval = figures["test"]["retrieval"]
    return {
        "style": rendering.style(),
        "figures": figures,
        "test": figures["test"],
        "run": report.run,
        "prepared": report.prepared,
        "pictures": report.pictures,
        "notes": notes(figures, report.run),
        "headline": headline(retrieval),
        "paired": headline(retrieval) == "recall@4",
        "measures": measures(retrieval),
        "categories": category_rows(figures["test"]["per_category"]),
        "counted": len(figures["categories"]) <= charts.COUNTED,
        "confused": figures["confused"][:_FEW],
        "splits": split_rows(figures),
        "growth": growth_of(report.history),
        "mistakes": photos.mistakes(gallery.mistakes),
        "cases": {name: photos.cases(getattr(gallery, name)) for name in ("worst", "best", "drawn")},
    }
