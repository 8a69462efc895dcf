"""Smoke cases: a few photos with known answers, stored in the release, so that every machine can check it."""

import base64
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from lambda_app.errors import IndexBuildError
from lambda_app.model.session import Model, ModelOutput
from lambda_app.photo.preprocessing import load_rgb, normalise
from lambda_app.release.catalog import Catalog
from lambda_app.release.manifest import IndexEntry
from lambda_app.release.smoke import FIRST, SmokeCase
from lambda_app.search.faiss_index import VectorIndex
from lambda_app.search.vectors import softmax
from training.dataset import Dataset

CASES = 5
_CANDIDATES = 32  # photos per category among which the clearest is chosen


def choose_cases(
    dataset: Dataset, model: Model, outputs: ModelOutput, temperature: float, precision: str
) -> list[SmokeCase]:
    """Choose up to five categories, evenly spread over the category indices, and the clearest test photo of each.

    Args:
        outputs: outputs of the served model for all rows of the dataset. The expected neighbour is found in them by
            exact search.
        temperature: divisor of the logits before softmax.
        precision: of the model.

    Returns:
        Cases whose photos are JPEGs of the dataset's preprocessed pixels.
    """
    present = np.unique(dataset.category)
    chosen = present[np.unique(np.linspace(0, len(present) - 1, CASES).round().astype(np.int64))]
    rows = [_clearest(dataset, outputs.logits, int(category)) for category in chosen]
    image_ids = dataset.image_ids
    cases = []
    for row in rows:
        photo = _jpeg(dataset.photos[row])
        answer = _predict(model, photo, dataset)
        category, margin = _category_and_margin(answer.logits, temperature)
        scores = outputs.embedding @ answer.embedding[0]
        nearest = int(scores.argmax())
        case = SmokeCase(
            photo=base64.b64encode(photo).decode(),
            category=dataset.categories[category],
            margin=margin,
            neighbour=image_ids[nearest],
            score=float(scores[nearest]),
        )
        cases.append(case.expecting(answer.embedding[0], precision))
    return cases


def replay(cases: Sequence[SmokeCase], dataset: Dataset, release: Path, entry: IndexEntry) -> None:
    """Load the release's files as serving does, and check all cases.

    All cases must pass, for int8 too, because this machine also made the expected answers.

    Raises:
        IndexBuildError: an answer differs from the expected one; the message says which and how.
    """
    model, index = Model(release / "model.onnx"), VectorIndex(release / entry.file, entry)
    catalog = Catalog(release / "catalog.sqlite")
    try:
        for number, case in enumerate(cases, start=1):
            answer = _predict(model, base64.b64decode(case.photo), dataset)
            category = dataset.categories[int(answer.logits[0].argmax())]
            nearest = catalog.items(index.search(answer.embedding, FIRST).rows[0].tolist())
            row = catalog.find(case.neighbour)
            score = None if row is None else float(index.vector(row) @ answer.embedding[0])
            found = case.embedding_differences(answer.embedding[0])
            if found := found + case.differences(category, [item.image_id for item in nearest], score):
                raise IndexBuildError(f"smoke case {number}: {'; '.join(found)}")
    finally:
        catalog.close()


def _clearest(dataset: Dataset, logits: npt.NDArray[np.float32], category: int) -> int:
    """The row of this category whose logit leads the next by most; a test photo if there is one."""
    in_category = np.flatnonzero(dataset.category == category)
    in_test = np.intersect1d(in_category, dataset.rows("test"))
    rows = (in_test if len(in_test) else in_category)[:_CANDIDATES]
    others = np.delete(logits[rows], category, axis=1)
    gaps = logits[rows, category] - (others.max(axis=1) if others.shape[1] else 0.0)
    return int(rows[gaps.argmax()])


def _predict(model: Model, photo: bytes, dataset: Dataset) -> ModelOutput:
    pixels = load_rgb(photo, dataset.preprocessing)
    return model.run(normalise(pixels[np.newaxis], dataset.preprocessing))


def _category_and_margin(logits: npt.NDArray[np.float32], temperature: float) -> tuple[int, float]:
    """The category predicted by logits (1, classes), and its probability minus the second largest (0 if none)."""
    probabilities = softmax(logits, temperature)[0]
    order = np.argsort(-probabilities, kind="stable")
    second = probabilities[order[1]] if len(order) > 1 else 0.0
    return int(order[0]), float(probabilities[order[0]] - second)


def _jpeg(pixels: npt.NDArray[np.uint8]) -> bytes:
    file = io.BytesIO()
    # Without chroma subsampling the bars of the letterbox stay black, so that trimming finds their edges again.
    Image.fromarray(pixels).save(file, "JPEG", quality=90, subsampling=0)
    return file.getvalue()
