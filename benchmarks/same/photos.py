"""Recognising a photo after alterations: on the sample catalogue, and on a folder of photos of your own.

Copies of each photo are compared with the photo and with others that must not be taken for it: in the sample the other
photos of its product, in a folder photos of the same sub-folder. The threshold is chosen on other photos than those on
which it is judged.
"""

import csv
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.figures.table import Goal, Report, Row, exact, spread
from benchmarks.inputs.bench_release import ROOT
from lambda_app.likeness.comparison import distances
from lambda_app.likeness.fingerprint import FINGERPRINT_BYTES, fingerprint_of, views
from sample.generate import generate
from training.metrics.likeness.copies import copy_of
from training.metrics.likeness.measured import PRECISION, Case, Measured, choose_threshold, measure, overview

PHOTOS, QUICK_PHOTOS = 800, 160
_CHOSEN_ON, _JUDGED_ON = 5, 6  # seeds; the way of comparing was developed on 0, 1 and 2
_LEAST_RECALL, _MOST_MS, _MOST_BYTES = 0.95, 3, 200
_OTHERS, _CANDIDATES, _ROUNDS = 20, 100, 15
_ENDINGS = {".jpg", ".jpeg", ".png", ".webp"}


def run(quick: bool) -> Report:
    """Measure the sample catalogue."""
    return run_with(quick, None)


def run_with(quick: bool, photos: Path | None) -> Report:
    """Measure the sample catalogue, and the photos of a folder if one is given.

    Raises:
        ValueError: the folder has too few photos.
    """
    most = QUICK_PHOTOS if quick else PHOTOS
    parent = ROOT / "var" / "bench"
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=parent, prefix="same-") as folder:
        halves = []
        for seed in (_CHOSEN_ON, _JUDGED_ON):
            data = Path(folder, str(seed))
            generate(data, photos=most, seed=seed)
            halves.append(products(data))
        rows = _rows("sample", *(list(siblings(half)) for half in halves))
        rows += _costs([photo for product in halves[0] for photo in product][:_CANDIDATES])
    if photos is not None:
        cases = list(beside(photos, most))
        rows += _rows(f"{len(cases):,} photos of the folder", cases[::2], cases[1::2])
    return Report(rows, ["precision: as many pairs as each photo has other photos of its product, in each alteration"])


def products(data: Path) -> list[list[Image.Image]]:
    """The photos of each product of a sample catalogue that has several which decode."""
    by_product: dict[str, dict[str, Path]] = {}
    with (data / "Images.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            path = data / "photos" / f"{row['id']}.jpg"
            if row["id"] and path.is_file():
                by_product.setdefault(row["product_id"], {})[row["id"]] = path
    found = [[photo for path in paths.values() if (photo := _opened(path))] for paths in by_product.values()]
    return [product for product in found if len(product) > 1]


def siblings(catalogue: Sequence[Sequence[Image.Image]]) -> Iterator[Case]:
    """Each photo beside the others of its product."""
    for product in catalogue:
        prints = np.stack([fingerprint_of(overview(photo)) for photo in product])
        for number, photo in enumerate(product):
            yield Case(photo, np.delete(prints, number, axis=0))


def beside(folder: Path, most: int) -> Iterator[Case]:
    """Photos of a folder, each beside others of its own sub-folder.

    Raises:
        ValueError: there are too few photos.
    """
    rng = np.random.default_rng(0)
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in _ENDINGS)
    if len(found) < 2 * _OTHERS:
        raise ValueError(f"{folder} has {len(found)} photos; at least {2 * _OTHERS} are needed")
    for number in np.sort(rng.permutation(len(found))[:most]):
        own = found[number]
        near = [path for path in found if path.parent == own.parent and path != own]
        chosen = [near[place] for place in rng.permutation(len(near))[:_OTHERS]]
        photo, others = _opened(own), [other for path in chosen if (other := _opened(path))]
        if photo and others:
            yield Case(photo, np.stack([fingerprint_of(overview(other)) for other in others]))


def _opened(path: Path) -> Image.Image | None:
    """The photo in RGB; None if it does not decode."""
    try:
        with Image.open(path) as photo:
            return photo.convert("RGB")
    except OSError:
        return None


def _rows(name: str, chosen_on: Sequence[Case], judged_on: Sequence[Case]) -> list[Row]:
    threshold = choose_threshold(measure(chosen_on))
    judged: Measured = measure(judged_on, seed=1)
    rows = [
        Row(f"{name}: threshold, chosen on {len(chosen_on):,} other photos", exact(threshold)),
        Row(
            f"{name}: precision, {judged.photos:,} photos, {len(judged.others):,} pairs of others",
            exact(judged.precision(threshold)),
            goal=Goal("at least", PRECISION),
        ),
    ]
    for alteration, recall in judged.recall(threshold).items():
        text = f"  recall, {alteration.replace('_', ' ')}"
        rows.append(Row(text, exact(recall), goal=Goal("at least", _LEAST_RECALL)))
    return rows


def _costs(photos: Sequence[Image.Image]) -> list[Row]:
    """The cost of comparing a photo with stored ones: of an unaltered photo, and of a copy with a border."""
    prints = np.stack([fingerprint_of(overview(photo)) for photo in photos])
    rows = []
    for name in ("half_size", "border"):
        asked = [views(overview(copy_of(photo, name, np.random.default_rng(0)))) for photo in photos[:_ROUNDS]]
        distances(asked[0], prints)
        measured = []
        for seen in asked:
            begin = time.process_time()
            distances(seen, prints)
            measured.append(1000 * (time.process_time() - begin))
        text = f"compare a photo ({name.replace('_', ' ')}) with {len(photos)}, CPU ms"
        rows.append(Row(text, spread(measured), goal=Goal("at most", _MOST_MS)))
    rows.append(Row("bytes of a photo", exact(FINGERPRINT_BYTES), goal=Goal("at most", _MOST_BYTES)))
    return rows
