"""Smoke cases: a few photos whose answers travel with the release, so that every loader can check itself."""

import base64
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from lambda_app.model import Model, ModelOutput
from lambda_app.photo.preprocessing import load_rgb, normalise
from lambda_app.release.catalog import Catalog
from lambda_app.release.manifest import IndexEntry
from lambda_app.release.smoke import FIRST, SmokeCase
from lambda_app.search.faiss_index import VectorIndex
from lambda_app.search.vectors import softmax
from training.dataset import Dataset
from training.errors import IndexBuildError

CASES = 5
_CANDIDATES = 32


def choose_cases(dataset: Dataset, model: Model, outputs: ModelOutput, temperature: float) -> list[SmokeCase]:
    """One photo each of up to five categories, spread over their order: its clearest test photo.

    Args:
        outputs: of the served model, for every row of the dataset; the expected neighbour is found in them exactly.
        temperature: what the logits are divided by for probabilities.

    Returns:
        Cases whose photo is a JPEG of the dataset's preprocessed pixels.
    """
    present = np.unique(dataset.category)
    chosen = present[np.unique(np.linspace(0, len(present) - 1, CASES).round().astype(np.int64))]
    rows = [_clearest(dataset, outputs.logits, int(category)) for category in chosen]
    image_ids = dataset.image_ids
    cases = []
    for row in rows:
        photo = _jpeg(dataset.photos[row])
        answer = _ask(model, photo, dataset)
        category, margin = _verdict(answer.logits, temperature)
        scores = outputs.embedding @ answer.embedding[0]
        nearest = int(scores.argmax())
        cases.append(
            SmokeCase(
                photo=base64.b64encode(photo).decode(),
                category=dataset.categories[category],
                margin=margin,
                neighbour=image_ids[nearest],
                score=float(scores[nearest]),
            )
        )
    return cases


def replay(cases: Sequence[SmokeCase], dataset: Dataset, release: Path, entry: IndexEntry) -> None:
    """Load the release's files as serving does and ask them every case.

    Of int8 too every case must pass: the machine that answers is the one that made the cases.

    Raises:
        IndexBuildError: an answer is not the expected one; says which and how.
    """
    model, index = Model(release / "model.onnx"), VectorIndex(release / entry.file, entry)
    catalog = Catalog(release / "catalog.sqlite")
    try:
        for number, case in enumerate(cases, start=1):
            answer = _ask(model, base64.b64decode(case.photo), dataset)
            category = dataset.categories[int(answer.logits[0].argmax())]
            nearest = catalog.items(index.search(answer.embedding, FIRST).rows[0].tolist())
            row = catalog.find(case.neighbour)
            score = None if row is None else float(index.vector(row) @ answer.embedding[0])
            if found := case.differences(category, [item.image_id for item in nearest], score):
                raise IndexBuildError(f"smoke case {number}: {'; '.join(found)}")
    finally:
        catalog.close()


def _clearest(dataset: Dataset, logits: npt.NDArray[np.float32], category: int) -> int:
    """The row of this category with the widest gap between its logit and the next, of the test split if it has one."""
    own = np.flatnonzero(dataset.category == category)
    tested = np.intersect1d(own, dataset.rows("test"))
    rows = (tested if len(tested) else own)[:_CANDIDATES]
    others = np.delete(logits[rows], category, axis=1)
    gaps = logits[rows, category] - (others.max(axis=1) if others.shape[1] else 0.0)
    return int(rows[gaps.argmax()])


def _ask(model: Model, photo: bytes, dataset: Dataset) -> ModelOutput:
    pixels = load_rgb(photo, dataset.preprocessing)
    return model.run(normalise(pixels[np.newaxis], dataset.preprocessing))


def _verdict(logits: npt.NDArray[np.float32], temperature: float) -> tuple[int, float]:
    """The first category of logits (1, classes), and its probability minus the second's (its own, where alone)."""
    probabilities = softmax(logits, temperature)[0]
    order = np.argsort(-probabilities, kind="stable")
    second = probabilities[order[1]] if len(order) > 1 else 0.0
    return int(order[0]), float(probabilities[order[0]] - second)


def _jpeg(pixels: npt.NDArray[np.uint8]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=90)
    return file.getvalue()
