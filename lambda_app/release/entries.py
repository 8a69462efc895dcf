"""The files of a release, as its manifest lists them, each with its sha256."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
EngineName = Literal["faiss", "s3vectors"]
IndexType = Literal["flat", "ivf-float16", "ivf-int8"]


class Frozen(BaseModel):
    """A model that is never changed."""

    model_config = ConfigDict(frozen=True)


class FileEntry(Frozen):
    """A file at the root of the archive."""

    file: FileName
    sha256: Sha256
    bytes: int = Field(ge=0)


class ModelEntry(FileEntry):
    """The ONNX model.

    Attributes:
        precision: number format of weights and activations.
        gate: "reference" for float32. For int8 "passed" if it is close enough to float32 on validation photos, and
            "ungated" if it was forced.
        embedding_dim: d of the output `embedding`.
        temperature: divisor of the logits before softmax (Guo et al. 2017, section 4.2).
        opset: version of the ONNX operator set.
    """

    precision: Literal["float32", "int8"] = "float32"
    gate: Literal["reference", "passed", "ungated"] = "reference"
    embedding_dim: int = Field(ge=1)
    temperature: float = Field(default=1.0, gt=0)
    opset: int


class IndexEntry(FileEntry):
    """The FAISS index. Row i of the index is row i of the catalog.

    Attributes:
        type: "flat" is exact search. The others are inverted files: they find candidates by a few dimensions of each
            vector, and re-rank them by the full vectors, which are stored in the precision of that name.
        metric: inner product; of L2-normalised vectors it is the cosine.
        search: search settings of an inverted file, such as {"nprobe": 16, "factor": 8}: lists searched for each query,
            and candidates for each neighbour.
        recall_at_10: measured against exact search when the centroids of the inverted file were new.
        stored_recall: of an index that was merged from several: the same against exact search over its stored vectors.
            A merge that finds it lower by 0.005 trains new centroids.
        latency_ms: median time of one query on one thread, on the machine that built the index.
    """

    type: IndexType = "flat"
    metric: Literal["inner_product"] = "inner_product"
    count: int = Field(ge=1)
    search: dict[str, int] = {}
    recall_at_10: float | None = Field(default=None, ge=0, le=1)
    stored_recall: float | None = Field(default=None, ge=0, le=1)
    latency_ms: float | None = Field(default=None, ge=0)


class CatalogEntry(FileEntry):
    """The SQLite item table."""

    count: int = Field(ge=1)


class SegmentEntry(Frozen):
    """Rows that were added to a catalogue after its first segment. Row i of the index is row i of the catalog."""

    index: IndexEntry
    catalog: CatalogEntry

    @model_validator(mode="after")
    def _consistent(self) -> "SegmentEntry":
        if self.index.count != self.catalog.count:
            raise ValueError(f"the index has {self.index.count} rows, the catalog {self.catalog.count}")
        return self


class DeadRowsEntry(FileEntry):
    """The rows that were removed or replaced: `RowSet.bits` over the rows of all segments, in their order."""

    count: int = Field(ge=1)


class RankingEntry(Frozen):
    """The order of the results of a photo.

    Attributes:
        category_weight: an item ranks by its cosine plus this times the probability of its category. 0: by the cosine.
    """

    category_weight: float = Field(default=0.0, ge=0, le=1)


class SearchEntry(Frozen):
    """What searches the catalogue.

    Attributes:
        engine: "faiss": the index of the release, in the process. "s3vectors": an index of Amazon S3 Vectors, which
            holds the vectors of the release's model.
    """

    engine: EngineName = "faiss"


class SamePhotoEntry(Frozen):
    """When two photos are the same one.

    Attributes:
        version: of the fingerprints and their distance; the threshold holds for this one.
        threshold: photos at most this far from each other are the same, see `lambda_app.likeness.comparison`.
    """

    version: int = Field(ge=1)
    threshold: float = Field(ge=0, le=1)
