"""Smoke cases: photos whose answers travel with a release, and the rule by which an answer is judged.

Training judges what it has just written, promotion what was dropped: by the same rule.
"""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

CLEAR_MARGIN = 0.1
FIRST = 3
SCORE_TOLERANCE = 0.02
# One case in so many may differ: int8 kernels round differently from one kind of CPU to another.
INT8_CASES_PER_DIFFERENCE = 5


class SmokeCase(BaseModel):
    """A photo whose answer is known.

    Attributes:
        photo: the encoded photo, base64.
        category: expected category, by name.
        margin: probability of that category minus the next one's.
        neighbour: image id of the expected first neighbour.
        score: that neighbour's cosine.
    """

    model_config = ConfigDict(frozen=True)

    photo: str
    category: str
    margin: float
    neighbour: str
    score: float

    def differences(self, category: str, nearest: Sequence[str], score: float | None) -> list[str]:
        """How an answer differs from the expected one, in words; empty if it passes.

        The category must match where its margin is above `CLEAR_MARGIN`. The expected neighbour must be among the first
        `FIRST` found, or its own cosine within `SCORE_TOLERANCE` of the expected one.

        Args:
            category: predicted.
            nearest: image ids of what the index finds, best first.
            score: cosine of the photo and the expected neighbour; None if the release has no such image.
        """
        found = []
        if self.margin > CLEAR_MARGIN and category != self.category:
            found.append(f"category {category!r} instead of {self.category!r} (margin {self.margin:.2f})")
        if score is None:
            found.append(f"the release has no item {self.neighbour!r}, the expected neighbour")
        # A score that is not a number is no match.
        elif self.neighbour not in nearest[:FIRST] and not abs(score - self.score) <= SCORE_TOLERANCE:
            found.append(
                f"neighbour {self.neighbour!r} is not within the first {FIRST}, "
                f"and scores {score:.3f} instead of {self.score:.3f}"
            )
        return found


def tolerated_differences(cases: int, precision: str) -> int:
    """How many of so many cases may differ: one in five for an int8 model, none for float32."""
    return cases // INT8_CASES_PER_DIFFERENCE if precision == "int8" else 0
