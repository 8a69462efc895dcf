"""How hard the sample catalogue is: the results of naive methods (raw pixels, colour histograms), with upper limits.

If naive methods worked well on the sample, every trained model would look good.
"""

import csv
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from benchmarks.figures.table import Goal, Report, Row, exact
from sample.generate import DEFAULT_PHOTOS, generate

QUICK_PHOTOS = 600
PIXELS_SIDE = 32
COLOUR_LEVELS = 8  # per channel: 512 bins in total
FIRST = 4
TEST_SHARE = 10  # one product in ten
ROWS_AT_ONCE = 64

MAX_PIXEL_ACCURACY = 0.50
MAX_COLOUR_RECALL = 0.40
MIN_SHARED_COLOURS = 0.20

Matrix = npt.NDArray[Any]
Distance = Callable[[Matrix, Matrix], Matrix]  # (m, d), (n, d) -> (m, n)

LABELS = {
    "photos": "photos",
    "products": "products",
    "pixel_accuracy": "category by nearest neighbour, 32 x 32 pixels",
    "colour_recall": "other photo in first 4, colour histogram, best",
    "colour_recall_l1": "  by L1 distance",
    "colour_recall_chi2": "  by chi-squared distance",
    "colour_recall_cosine": "  by cosine distance",
    "shared_colours": "products that share their colours in category",
}
GOALS = {
    "pixel_accuracy": Goal("at most", MAX_PIXEL_ACCURACY),
    "colour_recall": Goal("at most", MAX_COLOUR_RECALL),
    "shared_colours": Goal("at least", MIN_SHARED_COLOURS),
}


def run(quick: bool) -> Report:
    """Generate a catalogue (the default one, or a small one when quick) and measure it."""
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "catalogue"
        generate(out, photos=QUICK_PHOTOS if quick else DEFAULT_PHOTOS)
        figures = measure(out)
    return Report([Row(label, exact(figures[key]), goal=GOALS.get(key)) for key, label in LABELS.items()])


def measure(catalogue: Path) -> dict[str, float]:
    """The figures of a generated catalogue, by name. It must contain truth.csv."""
    with (catalogue / "truth.csv").open(encoding="utf-8", newline="") as file:
        truth = list(csv.DictReader(file))
    products = np.array([row["product_id"] for row in truth])
    categories = np.array([row["category"] for row in truth])
    pixels, histograms = _features(catalogue / "photos", [row["image_id"] for row in truth])
    recalls = {name: _recall(histograms, products, distance) for name, distance in DISTANCES.items()}
    return {
        "photos": float(len(truth)),
        "products": float(len(set(products))),
        "pixel_accuracy": _pixel_accuracy(pixels, products, categories),
        "colour_recall": max(recalls.values()),
        **{f"colour_recall_{name}": recall for name, recall in recalls.items()},
        "shared_colours": _shared_colours(truth),
    }


def _features(folder: Path, image_ids: list[str]) -> tuple[Matrix, Matrix]:
    """Letterboxed pixels, (n, 3072), and colour histograms that sum to one, (n, 512); both float32."""
    pixels, histograms = [], []
    for image_id in image_ids:
        with Image.open(folder / f"{image_id}.jpg") as opened:
            photo = ImageOps.exif_transpose(opened).convert("RGB")
        pixels.append(np.asarray(ImageOps.pad(photo, (PIXELS_SIDE, PIXELS_SIDE)), np.float32).ravel())
        levels = np.asarray(photo) // (256 // COLOUR_LEVELS)
        bins = (levels[..., 0].astype(np.int64) * COLOUR_LEVELS + levels[..., 1]) * COLOUR_LEVELS + levels[..., 2]
        counts = np.bincount(bins.ravel(), minlength=COLOUR_LEVELS**3).astype(np.float32)
        histograms.append(counts / counts.sum())
    return np.stack(pixels), np.stack(histograms)


def _pixel_accuracy(pixels: Matrix, products: Matrix, categories: Matrix) -> float:
    """The share of test photos whose nearest neighbour among the training products has the same category."""
    held_out = np.random.default_rng(0).permutation(np.unique(products))[::TEST_SHARE]
    test = np.isin(products, held_out)
    nearest = np.concatenate([row.argmin(axis=1) for row in _by_rows(pixels[test], pixels[~test], _euclidean)])
    return float((categories[~test][nearest] == categories[test]).mean())


def _recall(features: Matrix, products: Matrix, distance: Distance) -> float:
    """The share of photos with another photo of their product among the FIRST nearest neighbours.

    Only photos whose product has another photo count.
    """
    hits, start = [], 0
    for block in _by_rows(features, features, distance):
        rows = np.arange(start, start + len(block))
        block[np.arange(len(block)), rows] = np.inf
        same: npt.NDArray[np.bool_] = np.asarray(products[rows][:, None] == products)
        same[np.arange(len(block)), rows] = False
        near = np.argpartition(block, FIRST, axis=1)[:, :FIRST]
        found = np.asarray(np.take_along_axis(same, near, axis=1).any(axis=1))
        hits.append(found[same.any(axis=1)])
        start += len(block)
    return float(np.concatenate(hits).mean())


def _shared_colours(truth: list[dict[str, str]]) -> float:
    """The share of products with the same palette as another product of their category."""
    of_product = {row["product_id"]: (row["category"], row["palette"]) for row in truth}
    looks = list(of_product.values())
    counts = {look: looks.count(look) for look in set(looks)}
    return sum(counts[look] > 1 for look in looks) / len(looks)


def _by_rows(queries: Matrix, gallery: Matrix, distance: Distance) -> Iterator[Matrix]:
    for start in range(0, len(queries), ROWS_AT_ONCE):
        yield distance(queries[start : start + ROWS_AT_ONCE], gallery)


def _euclidean(queries: Matrix, gallery: Matrix) -> Matrix:
    """Squared distances without the squared norm of the query, which does not change the order."""
    nearness: Matrix = (gallery**2).sum(axis=1) - 2 * queries @ gallery.T
    return nearness


def _l1(queries: Matrix, gallery: Matrix) -> Matrix:
    return np.stack([np.abs(gallery - query).sum(axis=1) for query in queries])


def _chi2(queries: Matrix, gallery: Matrix) -> Matrix:
    return np.stack([((gallery - query) ** 2 / (gallery + query + 1e-9)).sum(axis=1) for query in queries])


def _cosine(queries: Matrix, gallery: Matrix) -> Matrix:
    norms = np.linalg.norm(queries, axis=1)[:, None] * np.linalg.norm(gallery, axis=1)[None, :]
    distances: Matrix = 1 - queries @ gallery.T / norms
    return distances


DISTANCES: dict[str, Distance] = {"l1": _l1, "chi2": _chi2, "cosine": _cosine}
