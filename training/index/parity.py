"""Whether another way may embed the catalogue: it must agree with the served model on a sample of its photos."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lambda_app.model.session import ModelOutput
from training.dataset import SPLITS, Dataset
from training.index.ways import Way
from training.metrics.gate import MIN_AGREEMENT, Gate, compare
from training.network.cached import ServedOutputs

SAMPLE = 64
MIN_COSINE = 0.999


@dataclass(frozen=True)
class Parity:
    """Comparison of a way to embed with the served model.

    Attributes:
        n: photos of the sample.
        lowest_cosine: of the two embeddings of a photo of the sample.
        agreement: share of the sample with the same predicted category.
        gate: for an int8 model, the gate by which it was released, with its queries in the gallery of this way; else
            None.
        failure: why the way may not be used, in words; None if it may.
    """

    n: int
    lowest_cosine: float
    agreement: float
    gate: Gate | None
    failure: str | None

    def as_json(self) -> dict[str, Any]:
        """The figures."""
        return {name: value for name, value in asdict(self).items() if name != "failure"}


@dataclass(frozen=True)
class Reference:
    """What the served model says.

    Attributes:
        sample: of photos spread over the catalogue.
        judged: for an int8 model, of the photos on which its gate is measured; else None.
    """

    sample: ServedOutputs
    judged: ServedOutputs | None


def reference(dataset: Dataset, served: Way, of_gate: ServedOutputs | None) -> Reference:
    """The outputs of the served model with which a way is compared.

    Args:
        of_gate: outputs for the photos on which the int8 model was compared with the float32 model; None if they are
            not known. Then the gate is measured on the sample.
    """
    rows = sample_rows(dataset)
    found = _outputs(served, rows)
    sample = ServedOutputs(rows, found.logits, found.embedding)
    return Reference(sample, (of_gate or sample) if served.precision == "int8" else None)


def sample_rows(dataset: Dataset, most: int = SAMPLE) -> npt.NDArray[np.int64]:
    """About `most` rows, evenly spread over each split; at least one of every split that has photos."""
    parts = []
    for split in SPLITS:
        rows = dataset.rows(split)
        wanted = min(len(rows), -(-most * len(rows) // len(dataset.photos)))
        parts.append(rows[np.linspace(0, len(rows) - 1, wanted).astype(np.int64)])
    return np.sort(np.concatenate(parts))


def judge(dataset: Dataset, way: Way, reference: Reference) -> Parity:
    """Compare a way with the served model.

    For a float32 model each cosine must be at least MIN_COSINE, and MIN_AGREEMENT of the predicted categories the same.
    An int8 model differs from every other way. There the limits are those of its own gate (`training.metrics.gate`):
    the same categories, and as many products found by its queries in a gallery of this way.
    """
    sample = reference.sample
    found = _outputs(way, sample.rows)
    cosines = (sample.embedding * found.embedding).sum(axis=1)
    lowest = float(cosines.min())
    agreement = float(np.mean(sample.logits.argmax(axis=1) == found.logits.argmax(axis=1)))
    judged, gate, failure = reference.judged, None, None
    if judged is not None:
        others = _outputs(way, judged.rows)
        gate = compare(judged, others, dataset.category[judged.rows], dataset.product[judged.rows], as_gallery=True)
        if not gate.passed:
            failure = f"it fails the gate of int8 on {gate.n} photos ({_in_words(gate)})"
    elif not lowest >= MIN_COSINE:
        failure = f"the lowest cosine with the served model is {lowest:.5f}, the limit is {MIN_COSINE}"
    elif agreement < MIN_AGREEMENT:
        failure = f"it predicts the same category for {agreement:.1%} of the photos, the limit is {MIN_AGREEMENT:.1%}"
    return Parity(len(sample.rows), lowest, agreement, gate, failure)


def _outputs(way: Way, rows: npt.NDArray[np.int64]) -> ModelOutput:
    parts = [way.outputs(rows[start : start + way.batch]) for start in range(0, len(rows), way.batch)]
    return ModelOutput(
        np.concatenate([part.logits for part in parts]), np.concatenate([part.embedding for part in parts])
    )


def _in_words(gate: Gate) -> str:
    recall = "not measured" if gate.recall4_drop is None else f"{gate.recall4_drop:+.2%}"
    return f"same category {gate.agreement:.1%}, accuracy lost {gate.accuracy_drop:+.2%}, recall@4 lost {recall}"
