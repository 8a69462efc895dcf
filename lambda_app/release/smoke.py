"""Smoke cases: photos with known answers, stored in a release, and the rule that checks an answer.

Training checks each release that it writes, and the promoter checks each release before it goes live, by the same rule.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from lambda_app.release.reference import decoded, encoded

CLEAR_MARGIN = 0.1
FIRST = 3
SCORE_TOLERANCE = 0.02
# One case in five may differ for int8, because its kernels round differently on different CPUs.
INT8_CASES_PER_DIFFERENCE = 5
# Least cosine of the photo's embedding and the expected one. Two decoders of JPEG differ by a level of brightness;
# int8 kernels differ by more.
EXPECTED_COSINE = {"float32": 0.99, "int8": 0.98}


class SmokeCase(BaseModel):
    """A photo with a known answer.

    Attributes:
        photo: the encoded photo, base64.
        category: name of the expected category.
        margin: probability of that category minus that of the second.
        neighbour: image id of the expected nearest neighbour.
        score: cosine of the photo and that neighbour.
        embedding: the expected embedding: float16 (d,), little-endian, base64. None in older releases.
        cosine: least cosine of the photo's embedding and the expected one; None if there is none.
    """

    model_config = ConfigDict(frozen=True)

    photo: str
    category: str
    margin: float
    neighbour: str
    score: float
    embedding: str | None = None
    cosine: float | None = Field(default=None, ge=-1, le=1)

    def expecting(self, embedding: npt.NDArray[np.float32], precision: str) -> "SmokeCase":
        """The case with an expected embedding, float32 (d,), of a model of this precision."""
        return self.model_copy(update={"embedding": encoded(embedding), "cosine": EXPECTED_COSINE[precision]})

    def expected(self, dim: int) -> npt.NDArray[np.float32] | None:
        """The expected embedding, float32 (dim,); None in older releases.

        Raises:
            ValueError: it is not one finite vector of this dimension.
        """
        if self.embedding is None:
            return None
        vectors = decoded(self.embedding, dim)
        if len(vectors) != 1 or not np.isfinite(vectors).all():
            raise ValueError(f"{len(vectors)} embeddings of {dim} dimensions; it must be one, of finite numbers")
        vector: npt.NDArray[np.float32] = vectors[0]
        return vector

    def embedding_differences(self, embedding: npt.NDArray[np.float32]) -> list[str]:
        """As `differences`, of the embedding, float32 (d,), and the expected one. Without one, there is none."""
        expected = self.expected(len(embedding))
        if expected is None or self.cosine is None:
            return []
        cosine = float(embedding @ expected)
        # `not >=` and not `<`: NaN counts as a difference.
        if not cosine >= self.cosine:
            return [f"its embedding has cosine {cosine:.3f} with the expected one; it takes {self.cosine:g}"]
        return []

    def differences(self, category: str, nearest: Sequence[str], score: float | None) -> list[str]:
        """The differences between an answer and the expected one, as sentences; empty if the case passes.

        The category must match if the margin is above `CLEAR_MARGIN`. The expected neighbour must be among the first
        `FIRST` neighbours found, or its cosine must be within `SCORE_TOLERANCE` of the expected one.

        Args:
            category: predicted category.
            nearest: image ids of the neighbours found, best first.
            score: cosine of the photo and the expected neighbour; None if the release has no such item.
        """
        found = []
        if self.margin > CLEAR_MARGIN and category != self.category:
            found.append(f"category {category!r} instead of {self.category!r} (margin {self.margin:.2f})")
        if score is None:
            found.append(f"the release has no item {self.neighbour!r}, the expected neighbour")
        # `not <=` and not `>`: a score of NaN counts as a difference.
        elif self.neighbour not in nearest[:FIRST] and not abs(score - self.score) <= SCORE_TOLERANCE:
            found.append(
                f"neighbour {self.neighbour!r} is not among the first {FIRST}, "
                f"and its score is {score:.3f} instead of {self.score:.3f}"
            )
        return found


def tolerated_differences(cases: int, precision: str) -> int:
    """How many cases may differ, of this number: one in five for an int8 model, none for float32."""
    return cases // INT8_CASES_PER_DIFFERENCE if precision == "int8" else 0
