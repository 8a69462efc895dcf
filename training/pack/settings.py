"""Settings of the release for its promotion."""

from pydantic import Field

from training.pipeline.settings import Settings


class PackSettings(Settings):
    """Settings of the release for its promotion."""

    force: bool = Field(
        default=False,
        description="whether the release goes live even if its metrics are lower than those of the live release",
    )
