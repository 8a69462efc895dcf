"""Settings and limits of a run of `scripts/fetch`."""

from pydantic import Field, field_validator

from training.pipeline.settings import Settings
from training.prepare.intake.fields.reading import Reading, check_columns, check_encoding, parse_columns

MIB, GIB = 1 << 20, 1 << 30


class FetchSettings(Settings):
    """What a run may take. The defaults suit a feed of 100,000 photos on a few hosts."""

    max_photos: int = Field(default=100_000, ge=1, description="most photos to download in one run")
    max_mib: float = Field(default=20, ge=0.01, le=1024, description="largest photo, in MiB")
    max_total_gib: float = Field(default=50, ge=0.01, description="most data to download in one run, in GiB")
    max_minutes: float = Field(default=720, ge=0.01, le=60_000, description="longest run, in minutes")
    photo_seconds: float = Field(
        default=60,
        ge=0.01,
        le=3600,
        description="longest time for one attempt at one photo with its redirects, in seconds",
    )
    connect_seconds: float = Field(default=10, ge=0.01, le=300, description="longest time to connect, in seconds")
    read_seconds: float = Field(default=20, ge=0.01, le=300, description="longest time without new data, in seconds")
    attempts: int = Field(default=4, ge=1, le=20, description="most attempts at one photo")
    backoff_seconds: float = Field(
        default=1, ge=0, le=60, description="pause before the second attempt, in seconds; doubled for each further one"
    )
    parallel: int = Field(default=16, ge=1, le=128, description="photos that are downloaded at once")
    per_host: int = Field(default=4, ge=1, le=32, description="of these, at most so many from one host")
    extra_port: int | None = Field(default=None, ge=1, le=65535, description="a port that URLs may name besides 443")
    columns: str | None = Field(
        default=None,
        description="columns of the tables by field, as for training.prepare; only image counts, such as image=Foto; "
        "none: found by their usual names",
    )
    encoding: str | None = Field(
        default=None,
        description="text encoding of tables without a byte order mark, such as cp1252; none: UTF-8, else Windows-1252",
    )

    _known_encoding = field_validator("encoding")(check_encoding)
    _well_formed_columns = field_validator("columns")(check_columns)

    def reading(self) -> Reading:
        """How the tables are to be read."""
        return Reading(self.encoding, parse_columns(self.columns) if self.columns else {})

    @property
    def photo_bytes(self) -> int:
        """Largest photo in bytes."""
        return int(self.max_mib * MIB)

    @property
    def total_bytes(self) -> int:
        """Most bytes of all answers of a run."""
        return int(self.max_total_gib * GIB)
