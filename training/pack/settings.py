"""What the release asks of the promoter."""

from pydantic import Field

from training.pipeline.settings import Settings


class PackSettings(Settings):
    """What the release asks of the promoter."""

    force: bool = Field(
        default=False,
        description="whether the release goes live though its figures are under those of the live release",
    )
