"""What a dataset depends on besides its data."""

from pathlib import Path
from typing import Any

from pydantic import Field

from lambda_app.photo.rules import Preprocessing
from training.pipeline.settings import DERIVED, RARE, SEED, Settings
from training.prepare.categories import read_categories


class PrepareSettings(Settings):
    """What a dataset depends on besides its data, and how many threads make it.

    Attributes:
        base_categories: categories of the release that training starts from, used where there is no file: they keep
            their indices, new ones go last.
    """

    size: int = Field(
        default=224, ge=16, le=1024, description="side of the photos in pixels, in training and in serving"
    )
    seed: int = SEED
    test_share: float = Field(
        default=0.10,
        ge=0,
        lt=1,
        description="share of the products that is kept for the test split",
        json_schema_extra=RARE,
    )
    validation_share: float = Field(
        default=0.30, ge=0, lt=1, description="share of the products outside the test split that chooses the best epoch"
    )
    categories: Path | None = Field(
        default=None, description="file of category names in index order, one per line; new ones go last"
    )
    base_categories: tuple[str, ...] = Field(default=(), json_schema_extra=DERIVED)
    workers: int | None = Field(
        default=None,
        ge=1,
        description="threads that decode photos, which change nothing in the dataset; none is one per CPU",
        json_schema_extra=RARE,
    )

    def preprocessing(self) -> Preprocessing:
        """How photos become what the network takes."""
        return Preprocessing(size=self.size)

    def leading_categories(self) -> tuple[str, ...]:
        """The categories that come first, in this order: those of the file, else those of the base release."""
        return read_categories(self.categories) if self.categories else self.base_categories

    def as_json(self) -> dict[str, Any]:
        """Everything that the dataset depends on."""
        return {
            "size": self.size,
            "seed": self.seed,
            "test_share": self.test_share,
            "validation_share": self.validation_share,
            "leading_categories": list(self.leading_categories()),
            "preprocessing": self.preprocessing().model_dump(mode="json"),
        }
