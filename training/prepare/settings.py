"""Settings of the prepare stage."""

from pathlib import Path
from typing import Any

from pydantic import Field

from lambda_app.photo.rules import Preprocessing
from training.pipeline.settings import DERIVED, RARE, SEED, Settings
from training.prepare.categories import read_categories


class PrepareSettings(Settings):
    """The settings of a dataset, and the number of threads that make it.

    Attributes:
        base_categories: categories of the release from which training starts. They keep their indices, and new ones go
            last. Used only if `categories` is None.
    """

    size: int = Field(default=224, ge=16, le=1024, description="side of the photos in pixels, for training and serving")
    seed: int = SEED
    trim: bool = Field(
        default=True,
        description="whether uniform borders of photos are cut off, in training and serving: queries with margins then "
        "look as without them",
        json_schema_extra=RARE,
    )
    test_share: float = Field(
        default=0.10,
        ge=0,
        lt=1,
        description="share of the products in the test split",
        json_schema_extra=RARE,
    )
    validation_share: float = Field(
        default=0.30,
        ge=0,
        lt=1,
        description="share of the other products in the validation split, which selects the best epoch",
    )
    categories: Path | None = Field(
        default=None, description="file of category names in index order, one per line; new ones go last"
    )
    base_categories: tuple[str, ...] = Field(default=(), json_schema_extra=DERIVED)
    workers: int | None = Field(
        default=None,
        ge=1,
        description="threads that decode photos; does not change the dataset; none: one per CPU",
        json_schema_extra=RARE,
    )

    def preprocessing(self) -> Preprocessing:
        """How photos become network input."""
        return Preprocessing(size=self.size, fit="trimmed" if self.trim else "letterbox")

    def leading_categories(self) -> tuple[str, ...]:
        """The categories with the first indices, in order: those of the file, else those of the base release."""
        return read_categories(self.categories) if self.categories else self.base_categories

    def as_json(self) -> dict[str, Any]:
        """All settings on which the dataset depends."""
        return {
            "size": self.size,
            "seed": self.seed,
            "test_share": self.test_share,
            "validation_share": self.validation_share,
            "leading_categories": list(self.leading_categories()),
            "preprocessing": self.preprocessing().model_dump(mode="json"),
        }
