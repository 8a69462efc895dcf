"""Settings of the prepare stage."""

from pathlib import Path
from typing import Any, Self

from pydantic import Field, field_validator

from lambda_app.photo.rules import Preprocessing
from lambda_app.release.manifest import Manifest
from training.pipeline.settings import BACKBONE, DERIVED, RARE, SEED, WEIGHTS, Settings
from training.prepare.categories import read_categories
from training.prepare.intake.fields.currencies import CODES
from training.prepare.intake.fields.reading import Reading, check_columns, check_encoding, parse_columns


class PrepareSettings(Settings):
    """The settings of a dataset, and the number of threads that make it.

    Attributes:
        base_categories: categories of the release that is to be replaced, else of the one from which training starts.
            They keep their indices, and new ones go last. Used only if `categories` is None.
        own_preprocessing: that of the release whose model is used again; it stands for backbone, weights, size, trim
            and cut.
        copied: whether the data folder is a copy that a training job got, whose files have the time of the copy.
    """

    backbone: str = BACKBONE
    weights: str = WEIGHTS
    size: int | None = Field(
        default=None,
        ge=16,
        le=1024,
        description="side of the photos in pixels, for training and serving; none: the backbone's own, such as 224",
    )
    seed: int = SEED
    trim: bool = Field(
        default=True,
        description="whether uniform borders of photos are cut off, in training and serving; a photo then has nearly "
        "the same answer with white margins and without",
        json_schema_extra=RARE,
    )
    cut: bool = Field(
        default=False,
        description="whether photos are cut to the centre that the backbone's weights were evaluated on, without trim; "
        "False: the whole photo is seen, with margins",
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
    currency: str | None = Field(
        default=None,
        description="currency of all prices as an ISO 4217 code, such as EUR; none: what the listings say",
    )
    encoding: str | None = Field(
        default=None,
        description="text encoding of tables without a byte order mark, such as cp1252; none: UTF-8, else Windows-1252",
    )
    columns: str | None = Field(
        default=None,
        description='columns of tables by field, such as id=Handle,image="Image Src"; none: found by their usual names',
    )
    category_separator: str | None = Field(
        default=None, description="text between the parts of a category path; none: found from the cells"
    )
    base_categories: tuple[str, ...] = Field(default=(), json_schema_extra=DERIVED)
    own_preprocessing: Preprocessing | None = Field(default=None, json_schema_extra=DERIVED)
    copied: bool = Field(default=False, json_schema_extra=DERIVED)
    workers: int | None = Field(
        default=None,
        ge=1,
        description="threads that decode photos; does not change the dataset; none: one per CPU",
        json_schema_extra=RARE,
    )

    @field_validator("currency", mode="after")
    @classmethod
    def _known_currency(cls, value: str | None) -> str | None:
        if value is None or value.strip().upper() in CODES:
            return value and value.strip().upper()
        raise ValueError("it must be a code of ISO 4217 of three letters, such as EUR or USD")

    _known_encoding = field_validator("encoding")(check_encoding)
    _well_formed_columns = field_validator("columns")(check_columns)

    @field_validator("category_separator")
    @classmethod
    def _no_empty_separator(cls, text: str | None) -> str | None:
        if text is not None and not text.strip():
            raise ValueError("the separator must have a character that is not blank")
        return text

    def reading(self) -> Reading:
        """How the tables are to be read."""
        columns = parse_columns(self.columns) if self.columns else {}
        return Reading(self.encoding, columns, self.category_separator)

    def preprocessing(self) -> Preprocessing:
        """How photos become network input: the scale and the resize are those of the backbone's pretrained weights.

        Raises:
            WeightsError: there is no such backbone.
        """
        if self.own_preprocessing is not None:
            return self.own_preprocessing
        # torch is large, and the declarations of settings must be readable without it.
        from training.network.backbone import backbone_of

        own = backbone_of(self.backbone, self.weights).own_input()
        changed: dict[str, Any] = {"size": self.size or own.size, "background": "white"}
        if not self.cut:
            changed |= {"fit": "trimmed" if self.trim else "letterbox", "crop": 1.0}
        return own.model_copy(update=changed)

    def reusing(self, base: Manifest) -> Self:
        """These settings with the photos as input of a release's model, and with its categories and splits."""
        seed = base.training.get("dataset", {}).get("seed", self.seed)
        return self.changed(base_categories=base.categories, own_preprocessing=base.preprocessing, seed=seed)

    def leading_categories(self) -> tuple[str, ...]:
        """The categories with the first indices, in order: those of the file, else those of the base release."""
        return read_categories(self.categories) if self.categories else self.base_categories

    def as_json(self) -> dict[str, Any]:
        """All settings on which the dataset depends. Of backbone and weights, it depends on their input alone."""
        preprocessing = self.preprocessing()
        return {
            "size": preprocessing.size,
            "seed": self.seed,
            "test_share": self.test_share,
            "validation_share": self.validation_share,
            "currency": self.currency,
            "encoding": self.encoding,
            "columns": self.columns,
            "category_separator": self.category_separator,
            "leading_categories": list(self.leading_categories()),
            "preprocessing": preprocessing.model_dump(mode="json"),
        }
