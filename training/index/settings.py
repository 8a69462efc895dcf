"""Settings of the index stage."""

from typing import Literal

from pydantic import Field

from training.pipeline.settings import RARE, Settings

Bulk = Literal["auto", "served", "torch", "features"]


class IndexSettings(Settings):
    """How the catalogue is indexed, and the prefix of its photos in the store."""

    index: Literal["auto", "flat", "ivf-float16", "ivf-int8"] = Field(
        default="auto",
        description="auto chooses by size and measured recall; flat is exact search, the others are inverted files",
    )
    name: str = Field(
        default="",
        description="name of the dataset in the store, datasets/<name>/...; empty: the name of the data folder",
    )
    bulk: Bulk = Field(
        default="auto",
        description="how the catalogue is embedded: by the served model, in torch, or from the cached features of a "
        "frozen backbone; auto: the fastest; a way that does not agree with the served model is not used",
        json_schema_extra=RARE,
    )
