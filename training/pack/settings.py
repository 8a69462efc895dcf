"""Settings of the release for its promotion."""

from pydantic import Field

from lambda_app.release.entries import EngineName, SearchEntry
from training.pipeline.settings import RARE, Settings


class PackSettings(Settings):
    """Settings of the release for its promotion."""

    force: bool = Field(
        default=False,
        description="whether the release goes live even if its metrics are lower than those of the live release",
    )
    search: EngineName = Field(
        default="faiss",
        description="what searches the catalogue: its index files, or an index of Amazon S3 Vectors",
        json_schema_extra=RARE,
    )

    @property
    def search_entry(self) -> SearchEntry | None:
        """As the manifest has it; None for faiss, as in older releases."""
        return None if self.search == "faiss" else SearchEntry(engine=self.search)
