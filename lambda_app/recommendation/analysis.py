"""What the network says about a photo, or about several photos of the same thing."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lambda_app.likeness.fingerprint import Cells
from lambda_app.search.vectors import mean_direction


@dataclass(frozen=True)
class Analysis:
    """The model's output for one photo.

    Attributes:
        logits: float32 (classes,).
        probabilities: float32 (classes,), the softmax of the logits divided by the release's temperature.
        embedding: float32 (d,), L2-normalised.
        views: what is compared to find the same photo, float32 (60, 60) each; empty if the release has no fingerprints.
    """

    logits: npt.NDArray[np.float32]
    probabilities: npt.NDArray[np.float32]
    embedding: npt.NDArray[np.float32]
    views: tuple[Cells, ...] = ()


def fused(analyses: Sequence[Analysis]) -> Analysis:
    """One analysis for several photos of the same thing; that of a single photo is unchanged.

    Logits and probabilities are means. The embedding is the mean of the embeddings, normalised again. The views are
    those of all photos.

    Args:
        analyses: at least one.
    """
    if len(analyses) == 1:
        return analyses[0]
    logits = np.stack([found.logits for found in analyses]).mean(axis=0)
    probabilities = np.stack([found.probabilities for found in analyses]).mean(axis=0)
    views = tuple(view for found in analyses for view in found.views)
    return Analysis(logits, probabilities, mean_direction([found.embedding for found in analyses]), views)
