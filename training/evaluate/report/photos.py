"""The report's photos: queries with what they found, marked right or wrong, and mistaken categories."""

from collections.abc import Iterable, Sequence
from html import escape

from training.dataset import Dataset, Item
from training.evaluate.report.cases import Case, Gallery, Mistake
from training.evaluate.report.markup import Html, photo


class Shelf:
    """The photos and listings of the rows that a gallery shows."""

    def __init__(self, dataset: Dataset, gallery: Gallery) -> None:
        """Read them from the dataset."""
        cases = (*gallery.worst, *gallery.best, *gallery.drawn)
        rows = {row for case in cases for row in (case.query, case.mate, *case.neighbours)}
        rows |= {mistake.row for mistake in gallery.mistakes}
        self._items = {item.row: item for item in dataset.items() if item.row in rows}
        self._dataset = dataset

    def item(self, row: int) -> Item:
        """The listing of a row."""
        return self._items[row]

    def category(self, row: int) -> str:
        """The true category of a row."""
        return self._dataset.categories[self.item(row).category]

    def figure(self, row: int, kind: str, head: str, role: str, foot: str | None = None) -> Html:
        """A photo with its caption.

        Args:
            kind: its class in the style sheet.
            head: first line of the caption.
            role: what the photo is, for those who do not see it.
            foot: second line; the listing's title, else its category, where it is None.
        """
        item = self.item(row)
        name = item.title or self.category(row)
        details = f"{name}\n{self.category(row)}\nimage {item.image_id}, product {item.product_id}\n{item.split} split"
        return Html(
            f'<figure class="{kind}" title="{escape(details)}">{photo(self._dataset.photos[row], f"{role}: {name}")}'
            f"<figcaption><b>{escape(head)}</b><span>{escape(foot or name)}</span></figcaption></figure>"
        )


def cases_section(shelf: Shelf, title: str, text: str, cases: Sequence[Case]) -> Html:
    """Cases under a heading; nothing where there is none."""
    if not cases:
        return Html("")
    return Html(f"<h3>{escape(title)}</h3><p>{escape(text)}</p>{''.join(_case(shelf, case) for case in cases)}")


def mistakes_section(shelf: Shelf, mistakes: Iterable[Mistake], categories: Sequence[str]) -> Html:
    """Photos whose category is told wrong, with either category."""
    return Html(
        "".join(
            shelf.figure(
                mistake.row,
                "wrong",
                f"{100 * mistake.probability:.0f} % {categories[mistake.predicted]}",
                "mistaken",
                f"is {shelf.category(mistake.row)}",
            )
            for mistake in mistakes
        )
    )


def _case(shelf: Shelf, case: Case) -> str:
    head = escape(shelf.category(case.query))
    photos = [shelf.figure(case.query, "query" if case.mate is not None else "query mate", "query", "query")]
    if case.mate is not None:
        head += f" · nearest photo of the same product: neighbour {case.mate_rank:,}, cosine {case.mate_score:.3f}"
        photos.append(shelf.figure(case.mate, "mate", "same product", "same product"))
    for number, (row, score) in enumerate(zip(case.neighbours, case.scores, strict=True), start=1):
        kind, mark = _verdict(shelf, case, row)
        photos.append(shelf.figure(row, kind, f"{number}. {mark} {score:.3f}", f"neighbour {number}"))
    return f'<div class="case"><p class="muted">{head}</p><div class="strip">{"".join(photos)}</div></div>'


def _verdict(shelf: Shelf, case: Case, row: int) -> tuple[str, str]:
    """Class and mark of a neighbour: not by colour alone."""
    query, found = shelf.item(case.query), shelf.item(row)
    if found.product_id == query.product_id:
        return "right", "✓"
    if found.category != query.category:
        return "wrong", "✗"
    # Where no product has a second photo, the category is all that can be right.
    return ("right", "✓") if case.mate is None else ("near", "≈")
