"""The release format: a manifest and the files that it names, each by sha256.

Training writes a release, the promoter verifies it, serving loads it. The manifest is JSON with `format: 1`; keys that
this code does not know are ignored, so that a newer writer and an older reader get along until the format is raised.
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
from lambda_app.release.smoke import SmokeCase

FORMAT: Literal[1] = 1
MANIFEST = "manifest.json"
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
ReleaseId = Annotated[str, Field(pattern=r"^[a-z0-9-]{8,64}$")]
IndexType = Literal["flat", "ivf-float16", "ivf-int8"]


class _Frozen(BaseModel):
    # `model` is the field's word for the network; pydantic would keep the prefix for itself.
    model_config = ConfigDict(frozen=True, protected_namespaces=())


class FileEntry(_Frozen):
    """A file at the archive's root."""

    file: FileName
    sha256: Sha256
    bytes: int = Field(ge=0)


class ModelEntry(FileEntry):
    """The ONNX model.

    Attributes:
        precision: of its weights and activations.
        gate: whether that precision was compared with float32 on the release's own validation photos.
        embedding_dim: d of the `embedding` output.
        temperature: logits are divided by it before softmax (Guo et al. 2017, section 4.2).
        opset: ONNX operator set.
    """

    precision: Literal["float32", "int8"] = "float32"
    gate: Literal["reference", "passed", "ungated"] = "reference"
    embedding_dim: int = Field(ge=1)
    temperature: float = Field(default=1.0, gt=0)
    opset: int


class IndexEntry(FileEntry):
    """The FAISS index; row i is row i of the catalog.

    Attributes:
        type: "flat" is exact; the others are inverted files of a few dimensions, searched with `search`, beside the
            whole vectors in that precision, by row.
        metric: inner product of L2-normalised vectors, which is the cosine.
        search: search-time settings such as {"nprobe": 16, "factor": 8}: lists that are looked into, candidates a
            neighbour.
        recall_at_10: measured against exact search when the index was built.
        latency_ms: of a query on one thread of the machine that built the index.
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


class Manifest(_Frozen):
    """What a release is made of. `evaluation` holds the content of `report/metrics.json`, in short."""

    format: Literal[1] = FORMAT
    release: ReleaseId
    created_at: AwareDatetime
    categories: tuple[str, ...] = Field(min_length=1)
    preprocessing: Preprocessing
    model: ModelEntry
    index: IndexEntry
    catalog: CatalogEntry
    weights: FileEntry | None = None
    evaluation: dict[str, Any] = {}
    reference: dict[str, Any] | None = None
    training: dict[str, Any] = {}
    smoke: tuple[SmokeCase, ...] = ()
    force: bool = False

    @model_validator(mode="after")
    def _consistent(self) -> "Manifest":
        if len(set(self.categories)) != len(self.categories):
            raise ValueError("categories repeat")
        if self.index.count != self.catalog.count:
            raise ValueError(f"the index counts {self.index.count} rows, the catalog {self.catalog.count}")
        names = [entry.file for entry in self.files()]
        if len(set(names)) != len(names) or MANIFEST in names:
            raise ValueError(f"file names repeat or shadow {MANIFEST}: {names}")
        return self

    def files(self) -> Iterator[FileEntry]:
        """Every file that the archive may hold beside the manifest and report/."""
        yield from self.serving_files()
        if self.weights is not None:
            yield self.weights

    def serving_files(self) -> Iterator[FileEntry]:
        """The files that serving loads."""
        yield self.model
        yield self.index
        yield self.catalog

    def to_json(self) -> bytes:
        """The manifest's bytes; `manifest_sha256` of a pointer is their digest."""
        return (self.model_dump_json(indent=1, exclude_none=True) + "\n").encode()


class Pointer(_Frozen):
    """`live.json`: which release answers.

    Attributes:
        previous: the release that was live before, where a rollback goes.
        high_water: largest `created_at` ever promoted; an event promotes only what was created after it.
    """

    release: ReleaseId
    manifest_sha256: Sha256
    previous: ReleaseId | None = None
    promoted_at: AwareDatetime
    high_water: AwareDatetime


def read_manifest(data: bytes) -> Manifest:
    """Parse a manifest.

    Raises:
        UnknownFormatError: `format` is not 1.
        ReleaseError: not JSON, or a field is missing or bad; the message names it.
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
    """`file`, `sha256` and `bytes` of a file, as keyword arguments of an entry."""
    return {"file": path.name, "sha256": sha256_of(path), "bytes": path.stat().st_size}


def verify_file(path: Path, entry: FileEntry) -> None:
    """Check a file against its entry.

    Raises:
        DamagedFileError: missing, of another length, or of another sha256.
    """
    if not path.is_file():
        raise DamagedFileError(f"{entry.file} is missing")
    if (size := path.stat().st_size) != entry.bytes:
        raise DamagedFileError(f"{entry.file} has {size} bytes; the manifest says {entry.bytes}")
    if (digest := sha256_of(path)) != entry.sha256:
        raise DamagedFileError(f"{entry.file} has sha256 {digest}; the manifest says {entry.sha256}")


def sha256_of(path: Path) -> str:
    """Hex digest of a file, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def release_id(created_at: datetime, entries: list[FileEntry]) -> str:
    """A name made of time and content: `20261122-204500-1a2b3c4d`."""
    digest = hashlib.sha256("".join(entry.sha256 for entry in entries).encode()).hexdigest()
    return f"{created_at.astimezone(UTC):%Y%m%d-%H%M%S}-{digest[:8]}"
