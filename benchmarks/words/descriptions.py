"""What descriptions cost a search by words: the same catalogue with them, compared with titles and categories alone."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.figures.table import Goal, Row, exact
from benchmarks.words.measuring import cpu, times, write_words
from lambda_app.release.catalog import Catalog, CatalogItem, write_catalog
from lambda_app.release.text.tokens import QueryWord

SHORTEST, LONGEST = 30, 90
_MB = 1e6
_MOST_MB, _MOST_MS = 25, 40
# Words whose matches are compared, by how frequent they are. Names of categories have more frequent ones.
_COMPARED = range(300, 6_000, 100)


def described(items: Sequence[CatalogItem], vocabulary: Sequence[str]) -> list[CatalogItem]:
    """The items with descriptions of 30 to 90 words, as frequent as in titles. Photos of a product share theirs."""
    rng = np.random.default_rng(1)
    frequencies = 1 / np.arange(1, len(vocabulary) + 1)
    products = list(dict.fromkeys(item.product_id for item in items))
    long = rng.integers(SHORTEST, LONGEST + 1, len(products)).tolist()
    words = iter(rng.choice(len(vocabulary), sum(long), p=frequencies / frequencies.sum()).tolist())
    texts = {
        product: " ".join(vocabulary[next(words)] for _ in range(length))
        for product, length in zip(products, long, strict=True)
    }
    return [replace(item, description=texts[item.product_id]) for item in items]


def rows(
    folder: Path,
    bare: Path,
    items: Sequence[CatalogItem],
    vocabulary: Sequence[str],
    queries: Mapping[str, str],
    rounds: int,
) -> Iterator[Row]:
    """Measure a catalogue with descriptions.

    Args:
        folder: an empty folder.
        bare: the catalog of `items`, which have none.
        queries: text by name.
    """
    full = described(items, vocabulary)
    whole, theirs, ours = folder / "described.sqlite", folder / "words-bare.sqlite", folder / "words-described.sqlite"
    write_catalog(whole, full)
    before, after = cpu(lambda: write_words(theirs, items)), cpu(lambda: write_words(ours, full))
    size = [path.stat().st_size / _MB for path in (ours, theirs, whole, bare)]
    name = f"with descriptions of {SHORTEST} to {LONGEST} words; baseline: without"
    yield Row(f"{name}: bytes of the index, MB", exact(size[0]), exact(size[1]), Goal("at most", _MOST_MB))
    yield Row("  bytes of the catalog, MB", exact(size[2]), exact(size[3]))
    yield Row("  CPU to write the index, s", exact(after), exact(before))
    with closing(Catalog(whole)) as reader, closing(Catalog(bare)) as other:
        for query, text in queries.items():
            yield Row(
                f"  {query}, {len(reader.words(text).rows):,} found, ms",
                times(lambda text=text: reader.words(text), rounds),  # type: ignore[misc]
                times(lambda text=text: other.words(text), rounds),  # type: ignore[misc]
                Goal("at most", _MOST_MS),
            )
        late = sum(_late(reader, full, word) for word in sorted({vocabulary[rank] for rank in _COMPARED}))
        yield Row("  matches of a title after one of a description alone", exact(late), goal=Goal("at most", 0))


def _late(catalog: Catalog, items: Sequence[CatalogItem], word: str) -> int:
    """How many items with a word in their title come after an item that has it in its description alone."""
    late, alone = 0, False
    for row in catalog.require_words().search([QueryWord(word)]).rows.tolist():
        titled = word in (items[row].title or "").split()
        late += titled and alone
        alone |= not titled and word not in items[row].category.split()
    return late
