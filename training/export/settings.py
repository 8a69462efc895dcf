"""What the served model is made of."""

from typing import Literal

from pydantic import Field

from training.pipeline.settings import Settings


class ExportSettings(Settings):
    """What the served model is made of."""

    precision: Literal["auto", "int8", "float32"] = Field(
        default="auto", description="auto ships int8 only where its gate passes; int8 and float32 are shipped as asked"
    )
