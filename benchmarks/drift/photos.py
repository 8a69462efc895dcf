"""What a release of the sample catalogue answers about photos that people might send.

The catalogue lacks one category, and one kind of product of every other category. Its photos are drawn, a network is
trained on them, and each query is drawn anew and answered by the code that serves.
"""

import csv
import io
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageEnhance, ImageFilter

from lambda_app.recommendation.query import SimilarQuery
from lambda_app.recommendation.recommender import Recommender, load
from lambda_app.release.manifest import Manifest, read_manifest
from lambda_app.settings import Settings
from sample.drawing import draw
from sample.generate import generate
from sample.picture.categories import CATEGORIES
from sample.picture.identity import identity
from sample.picture.scene import photograph
from sample.plan import Plan
from training.fit.settings import FitSettings
from training.pipeline.progress import track
from training.pipeline.work_folder import WorkFolder
from training.prepare.settings import PrepareSettings
from training.settings.train_settings import TrainSettings
from training.train import train

BACKBONE, SIZE = "tf_efficientnet_lite0", 96
LACKING = CATEGORIES[-1].name
LACKING_KINDS = frozenset(list(category.kinds)[-1] for category in CATEGORIES)
DARK, BLUR = 0.3, 4.0  # share of the brightness; radius in pixels, of photos of 256 pixels
Alteration = Callable[[Image.Image], Image.Image]


@dataclass(frozen=True)
class Answers:
    """What was answered about photos of one sort.

    Attributes:
        product: int64 (n,), number of the product.
        category: int64 (n,), predicted, as an index into the categories of the release.
        cell: int64 (n,).
        score: float64 (n,), the highest cosine.
    """

    product: npt.NDArray[np.int64]
    category: npt.NDArray[np.int64]
    cell: npt.NDArray[np.int64]
    score: npt.NDArray[np.float64]


@dataclass(frozen=True)
class Traffic:
    """The manifest of a release, and its answers to each sort of photo: usual, dark, blurred, unknown, other kinds."""

    manifest: Manifest
    sorts: dict[str, Answers]


def traffic(folder: Path, photos: int, queries: int, seed: int) -> Traffic:
    """Draw a catalogue, train on it, and ask about photos of each sort.

    Args:
        folder: new or empty.
        photos: number of photos drawn; about two thirds of them are in the catalogue.
        queries: photos of each sort; four times as many usual ones.
    """
    plan = Plan(photos, seed)
    generate(folder / "data", photos=photos, seed=seed)
    sorts = {name: list(_numbers(plan, name)) for name in ("usual", "unknown", "other kinds")}
    kept = sorts["usual"]
    _keep_only(folder / "data", {plan.product_id(number) for number in kept})
    work = WorkFolder(folder / "work")
    train(
        folder / "data",
        work,
        TrainSettings(
            prepare=PrepareSettings(size=SIZE, backbone=BACKBONE, weights="imagenet"),
            fit=FitSettings(freeze="all", backbone=BACKBONE, weights="imagenet"),
        ),
    )
    manifest = read_manifest((work.release / "manifest.json").read_bytes())
    recommender = load(manifest, lambda entry: work.release / entry.file, Settings(store="unused"))
    ask = partial(_ask, recommender, seed)
    drawn = random.Random(seed)
    many = [drawn.choice(kept) for _ in range(4 * queries)]
    return Traffic(
        manifest,
        {
            "usual": ask(many, "usual", _unaltered),
            "dark": ask(many[:queries], "dark", _dark),
            "blurred": ask(many[:queries], "blurred", _blurred),
            "unknown": ask(sorts["unknown"][:queries], "unknown", _unaltered),
            "other kinds": ask(sorts["other kinds"][:queries], "other", _unaltered),
        },
    )


def _sort(number: int, seed: int) -> str:
    shown = identity(number, seed)
    if shown.category.name == LACKING:
        return "unknown"
    return "other kinds" if shown.kind in LACKING_KINDS else "usual"


def _numbers(plan: Plan, sort: str) -> Iterable[int]:
    """The products of a sort: of the catalogue the usual ones, of the others as many as anyone asks for."""
    last = plan.products if sort == "usual" else 20 * plan.products
    return (number for number in range(last) if _sort(number, plan.seed) == sort)


def _keep_only(data: Path, products: set[str]) -> None:
    """Delete the rows of all other products from both tables."""
    for name, column in (("Products.csv", "id"), ("Images.csv", "product_id")):
        with (data / name).open(newline="", encoding="utf-8") as file:
            header, *rows = csv.reader(file)
        place = header.index(column)
        kept = [row for row in rows if len(row) > place and row[place] in products]
        with (data / name).open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows([header, *kept])


def _ask(recommender: Recommender, seed: int, numbers: list[int], sort: str, alter: Alteration) -> Answers:
    """A new photo of each of the products, altered, encoded and answered."""
    reference = recommender.manifest.reference
    if reference is None:
        raise ValueError(f"the release of {len(numbers)} queries has no reference")
    rows = []
    for place, number in enumerate(track(numbers, len(numbers), f"ask, {sort}", "photo")):
        photo = alter(photograph(draw(identity(number, seed)), random.Random(f"{sort}/{seed}/{number}/{place}")))
        file = io.BytesIO()
        photo.save(file, "JPEG", quality=85)
        found = recommender.analyse(file.getvalue())
        matches = recommender.similar(found.embedding, SimilarQuery(), None, found.probabilities)
        cell = reference.cell(found.embedding)
        rows.append((number, found.probabilities.argmax(), cell, max(match.score for match in matches)))
    product, category, cells, score = np.array(rows).T
    return Answers(product.astype(np.int64), category.astype(np.int64), cells.astype(np.int64), score)


def _unaltered(photo: Image.Image) -> Image.Image:
    return photo


def _dark(photo: Image.Image) -> Image.Image:
    return ImageEnhance.Brightness(photo).enhance(DARK)


def _blurred(photo: Image.Image) -> Image.Image:
    return photo.filter(ImageFilter.GaussianBlur(BLUR))
