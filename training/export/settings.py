"""Settings of the export stage."""

from typing import Literal

from pydantic import Field

from training.pipeline.settings import Settings


class ExportSettings(Settings):
    """The precision of the served model."""

    precision: Literal["auto", "int8", "float32"] = Field(
        default="auto",
        description="auto uses int8 if it passes its gate, else float32; int8 and float32 force that precision",
    )
