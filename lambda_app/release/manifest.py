"""The release format: a manifest and the files that it lists, each with its sha256.

Training writes a release, the promoter verifies it, serving loads it. The manifest is JSON with `format: 1`. Unknown
keys are ignored, so an older reader accepts the manifest of a newer writer until `format` is raised.
"""

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from lambda_app.errors import DamagedFileError, ReleaseError, UnknownFormatError
from lambda_app.photo.rules import Preprocessing
from lambda_app.release.reference import Reference
from lambda_app.release.smoke import SmokeCase

FORMAT: Literal[1] = 1
MANIFEST = "manifest.json"
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
ReleaseId = Annotated[str, Field(pattern=r"^[a-z0-9-]{8,64}$")]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
IndexType = Literal["flat", "ivf-float16", "ivf-int8"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class FileEntry(_Frozen):
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
        recall_at_10: measured against exact search when the index was built.
        latency_ms: median time of one query on one thread, on the machine that built the index.
    """

    type: IndexType = "flat"
    metric: Literal["inner_product"] = "inner_product"
    count: int = Field(ge=1)
    search: dict[str, int] = {}
    recall_at_10: float | None = Field(default=None, ge=0, le=1)
    latency_ms: float | None = Field(default=None, ge=0)


class CatalogEntry(FileEntry):
    """The SQLite item table."""

    count: int = Field(ge=1)


class RankingEntry(_Frozen):
    """The order of the results of a photo.

    Attributes:
        category_weight: an item ranks by its cosine plus this times the probability of its category. 0: by the cosine.
    """

    category_weight: float = Field(default=0.0, ge=0, le=1)


class Manifest(_Frozen):
    """The content of `manifest.json`. `evaluation` is a short version of `report/metrics.json`.

    Attributes:
        currency: ISO 4217 code of all prices in the catalog; None if it is unknown, as in older releases.
    """

    format: Literal[1] = FORMAT
    release: ReleaseId
    created_at: AwareDatetime
    categories: tuple[str, ...] = Field(min_length=1)
    currency: Currency | None = None
    preprocessing: Preprocessing
    model: ModelEntry
    index: IndexEntry
    catalog: CatalogEntry
    ranking: RankingEntry = RankingEntry()  # older releases have none
    weights: FileEntry | None = None
    evaluation: dict[str, Any] = {}
    reference: Reference | None = None  # older releases have none
    training: dict[str, Any] = {}
    smoke: tuple[SmokeCase, ...] = ()
    force: bool = False

    @model_validator(mode="after")
    def _consistent(self) -> "Manifest":
        if len(set(self.categories)) != len(self.categories):
            raise ValueError("a category occurs twice")
        if self.index.count != self.catalog.count:
            raise ValueError(f"the index has {self.index.count} rows, the catalog {self.catalog.count}")
        names = [entry.file for entry in self.files()]
        if len(set(names)) != len(names) or MANIFEST in names:
            raise ValueError(f"a file name occurs twice or is {MANIFEST}: {names}")
        if self.reference is not None:
            self._check_reference(self.reference)
        return self

    def _check_reference(self, reference: Reference) -> None:
        if reference.dim != self.model.embedding_dim:
            raise ValueError(f"the reference has {reference.dim} dimensions, the model {self.model.embedding_dim}")
        if max(reference.categories) >= len(self.categories):
            raise ValueError(
                f"the reference has category {max(reference.categories)}; there are {len(self.categories)}"
            )

    def files(self) -> Iterator[FileEntry]:
        """All files that the archive may contain, apart from the manifest and report/."""
        yield from self.serving_files()
        if self.weights is not None:
            yield self.weights

    def serving_files(self) -> Iterator[FileEntry]:
        """The files that serving loads."""
        yield self.model
        yield self.index
        yield self.catalog

    def to_json(self) -> bytes:
        """The bytes of `manifest.json`. `Pointer.manifest_sha256` is their SHA-256."""
        return (self.model_dump_json(indent=1, exclude_none=True) + "\n").encode()


class Pointer(_Frozen):
    """The content of `live.json`: the id of the live release.

    Attributes:
        previous: the release that was live before; a rollback returns to it. The first of `history`, for older readers.
        history: the releases that were live before, latest first. Older writers leave it out.
        high_water: an event promotes only releases created after this time: the largest `created_at` that an event
            promoted, or the time when an operator last promoted or rolled back.
    """

    release: ReleaseId
    manifest_sha256: Sha256
    previous: ReleaseId | None = None
    history: tuple[ReleaseId, ...] = ()
    promoted_at: AwareDatetime
    high_water: AwareDatetime


def read_manifest(data: bytes) -> Manifest:
    """Parse a manifest.

    Raises:
        UnknownFormatError: `format` is not 1.
        ReleaseError: not JSON, or a field is missing or invalid; the message names it.
    """
    try:
        raw = json.loads(data)
    except (ValueError, RecursionError) as exc:
        raise ReleaseError(f"{MANIFEST} is not JSON: {exc}") from exc
    if not isinstance(raw, dict) or raw.get("format") != FORMAT:
        found = raw.get("format") if isinstance(raw, dict) else type(raw).__name__
        raise UnknownFormatError(f"{MANIFEST} has format {found!r}; this code reads format {FORMAT}")
    try:
        return Manifest.model_validate(raw)
    except ValidationError as exc:
        first = exc.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or MANIFEST
        raise ReleaseError(f"{MANIFEST}: {where}: {first['msg']}") from exc


def file_entry(path: Path) -> dict[str, Any]:
    """`file`, `sha256` and `bytes` of a file, as keyword arguments for an entry."""
    return {"file": path.name, "sha256": sha256_of(path), "bytes": path.stat().st_size}


def verify_file(path: Path, entry: FileEntry) -> None:
    """Check a file against its entry.

    Raises:
            DamagedFileError: the file is missing, or its length or sha256 differs.
    """
    if not path.is_file():
        raise DamagedFileError(f"{entry.file} is missing")
    if (size := path.stat().st_size) != entry.bytes:
        raise DamagedFileError(f"{entry.file} has {size} bytes; the manifest says {entry.bytes}")
    if (digest := sha256_of(path)) != entry.sha256:
        raise DamagedFileError(f"{entry.file} has sha256 {digest}; the manifest says {entry.sha256}")


def sha256_of(path: Path) -> str:
    """Hex SHA-256 of a file, which is read in blocks."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def release_id(created_at: datetime, entries: list[FileEntry]) -> str:
    """An id from the time and the content of the files: `20261122-204500-1a2b3c4d`."""
    digest = hashlib.sha256("".join(entry.sha256 for entry in entries).encode()).hexdigest()
    return f"{created_at.astimezone(UTC):%Y%m%d-%H%M%S}-{digest[:8]}"
