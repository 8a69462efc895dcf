"""The release format: a manifest and the files that it lists, each with its sha256.

Training writes a release, the promoter verifies it, serving loads it. The manifest is JSON. Unknown keys are ignored,
so an older reader accepts the manifest of a newer writer until `format` is raised. It is 1 if the catalogue is one
index and one catalog, as training writes it, and 2 if changes since then are in further segments or dead rows.
"""

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import AwareDatetime, Field, ValidationError, model_validator

from lambda_app.errors import DamagedFileError, ReleaseError, UnknownFormatError
from lambda_app.photo.rules import Preprocessing
from lambda_app.release.entries import CatalogEntry as CatalogEntry
from lambda_app.release.entries import DeadRowsEntry, Frozen, SearchEntry, SegmentEntry
from lambda_app.release.entries import EngineName as EngineName
from lambda_app.release.entries import FileEntry as FileEntry
from lambda_app.release.entries import IndexEntry as IndexEntry
from lambda_app.release.entries import IndexType as IndexType
from lambda_app.release.entries import ModelEntry as ModelEntry
from lambda_app.release.entries import RankingEntry as RankingEntry
from lambda_app.release.entries import SamePhotoEntry as SamePhotoEntry
from lambda_app.release.entries import Sha256 as Sha256
from lambda_app.release.reference import Reference
from lambda_app.release.smoke import SmokeCase

Format = Literal[1, 2]
FORMAT: Format = 1
SEGMENTED: Format = 2
MANIFEST = "manifest.json"
MOST_SEGMENTS = 16  # beside the first; each costs a search of its own
ReleaseId = Annotated[str, Field(pattern=r"^[a-z0-9-]{8,64}$")]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]


class Manifest(Frozen):
    """The content of `manifest.json`. `evaluation` is a short version of `report/metrics.json`.

    Attributes:
        currency: ISO 4217 code of all prices in the catalog; None if it is unknown, as in older releases.
        index, catalog: the first segment.
        search: what searches the catalogue. With another engine than FAISS, index and catalog are what its index is
            loaded from, and the way back to FAISS.
        segments: the further segments, in the order of their rows: those of the first one come before.
        dead: rows that are in a segment but not in the catalogue; None if there are none.
        parent: the release whose catalogue this one changes; None for one that training made.
        changes_through: number of the last entry of the store's log of changes that the catalogue contains; 0: none.
        snapshot_at: when the listings were written that training read. Later changes are not in the catalogue that it
            made. None: unknown.
    """

    format: Format = FORMAT
    release: ReleaseId
    created_at: AwareDatetime
    parent: ReleaseId | None = None
    changes_through: int = Field(default=0, ge=0)
    snapshot_at: AwareDatetime | None = None
    categories: tuple[str, ...] = Field(min_length=1)
    currency: Currency | None = None
    preprocessing: Preprocessing
    model: ModelEntry
    index: IndexEntry
    catalog: CatalogEntry
    segments: tuple[SegmentEntry, ...] = Field(default=(), max_length=MOST_SEGMENTS)
    dead: DeadRowsEntry | None = None
    search: SearchEntry | None = None  # None: FAISS, as in older releases
    ranking: RankingEntry = RankingEntry()  # older releases have none
    same_photo: SamePhotoEntry | None = None  # older releases have none
    weights: FileEntry | None = None
    evaluation: dict[str, Any] = Field(default_factory=dict)
    reference: Reference | None = None  # older releases have none
    training: dict[str, Any] = Field(default_factory=dict)
    smoke: tuple[SmokeCase, ...] = ()
    force: bool = False

    @model_validator(mode="after")
    def _consistent(self) -> "Manifest":
        if len(set(self.categories)) != len(self.categories):
            raise ValueError("a category occurs twice")
        if self.index.count != self.catalog.count:
            raise ValueError(f"the index has {self.index.count} rows, the catalog {self.catalog.count}")
        if self.segmented is not (self.format == SEGMENTED):
            raise ValueError(f"format {self.format} has {len(self.segments)} further segments, dead rows: {self.dead}")
        if self.count < 1:
            raise ValueError(f"all {self.rows} rows are dead")
        names = [entry.file for entry in self.files()]
        if len(set(names)) != len(names) or MANIFEST in names:
            raise ValueError(f"a file name occurs twice or is {MANIFEST}: {names}")
        if self.reference is not None:
            self._check_reference(self.reference)
        for number, case in enumerate(self.smoke, start=1):
            try:
                case.expected(self.model.embedding_dim)
            except ValueError as exc:
                raise ValueError(f"smoke case {number}: {exc}") from exc
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
        yield from self.serving_files("faiss")
        if self.weights is not None:
            yield self.weights

    def serving_files(self, engine: EngineName | None = None) -> Iterator[FileEntry]:
        """The files that serving loads if this engine searches; None: the engine that the manifest names."""
        yield self.model
        if (engine or self.engine) != "faiss":
            return
        yield self.index
        yield self.catalog
        for segment in self.segments:
            yield segment.index
            yield segment.catalog
        if self.dead is not None:
            yield self.dead

    @property
    def engine(self) -> EngineName:
        """What searches the catalogue, unless the settings of serving say otherwise."""
        return "faiss" if self.search is None else self.search.engine

    def searched_by(self, setting: str) -> EngineName:
        """What searches the catalogue with this value of `LOOKALIKE_SEARCH`: an engine, or "release"."""
        return self.engine if setting == "release" else "s3vectors" if setting == "s3vectors" else "faiss"

    @property
    def all_segments(self) -> tuple[SegmentEntry, ...]:
        """All segments in the order of their rows: the first one, and the further ones."""
        return (SegmentEntry(index=self.index, catalog=self.catalog), *self.segments)

    @property
    def segmented(self) -> bool:
        """Whether there is more than one index and one catalog."""
        return bool(self.segments) or self.dead is not None

    @property
    def rows(self) -> int:
        """The number of rows of all segments, dead ones included."""
        return self.index.count + sum(segment.index.count for segment in self.segments)

    @property
    def count(self) -> int:
        """The number of photos in the catalogue."""
        return self.rows - (0 if self.dead is None else self.dead.count)

    def to_json(self) -> bytes:
        """The bytes of `manifest.json`. `Pointer.manifest_sha256` is their SHA-256."""
        return (self.model_dump_json(indent=1, exclude_none=True) + "\n").encode()


class LastOfModel(Frozen):
    """The release that was live last of those with a model. `model`: sha256 of its file."""

    model: Sha256
    release: ReleaseId


class Pointer(Frozen):
    """The content of `live.json`: the id of the live release.

    Attributes:
        previous: the release that was live before; a rollback returns to it. The first of `history`, for older readers.
        history: the releases that were live before, latest first. Older writers leave it out.
        other_models: for each other model, the release that was live with it last, latest first: where a rollback of
            the model goes. None: an older writer left it out.
        high_water: an event promotes only releases created after this time: the largest `created_at` that an event
            promoted, or the time when an operator last promoted or rolled back.
    """

    release: ReleaseId
    manifest_sha256: Sha256
    previous: ReleaseId | None = None
    history: tuple[ReleaseId, ...] = ()
    other_models: tuple[LastOfModel, ...] | None = None
    promoted_at: AwareDatetime
    high_water: AwareDatetime


def read_manifest(data: bytes) -> Manifest:
    """Parse a manifest.

    Raises:
        UnknownFormatError: `format` is not 1 or 2.
        ReleaseError: not JSON, or a field is missing or invalid; the message names it.
    """
    try:
        raw = json.loads(data)
    except (ValueError, RecursionError) as exc:
        raise ReleaseError(f"{MANIFEST} is not JSON: {exc}") from exc
    found = raw.get("format") if isinstance(raw, dict) else type(raw).__name__
    if type(found) is not int or found not in get_args(Format):
        raise UnknownFormatError(f"{MANIFEST} has format {found!r}; this code reads {FORMAT} and {SEGMENTED}")
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
