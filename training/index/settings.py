"""Settings of the index stage."""

from typing import Literal

from pydantic import Field

from training.pipeline.settings import Settings


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
