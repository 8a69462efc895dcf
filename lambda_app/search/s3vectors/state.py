"""What the store knows of an index of S3 Vectors: `vectors/<index name>.json`, written by the loader."""

import json
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from lambda_app.errors import ReleaseError

VECTORS = "vectors/"


class Loading(BaseModel):
    """A load that has begun. A load that was stopped goes on from here.

    Its operations are numbered: first the vectors that it puts, then those that it deletes.

    Attributes:
        release: what the index is brought to.
        between: releases that stopped loads were to bring it to before; it may hold items of each. Also that of a load
            whose place another one took while a batch was on its way.
        full: what the index held before is not known: all vectors are put, and all others deleted at the end.
        first_row: the row of the first vector that is put; the others follow.
        puts, deletes: how many there are.
        done: ranges of operations that are done: the first, and the one after the last.
        loader: an id of the process that last worked on it; empty: none, it is a note for the next one.
    """

    model_config = ConfigDict(frozen=True)

    release: str
    between: tuple[str, ...] = ()
    full: bool = False
    first_row: int = Field(default=0, ge=0)
    puts: int = Field(default=0, ge=0)
    deletes: int = Field(default=0, ge=0)
    done: tuple[tuple[int, int], ...] = ()
    loader: str = ""

    @property
    def position(self) -> int:
        """The number of operations that are done."""
        return sum(end - start for start, end in self.done)


class IndexState(BaseModel):
    """The state of an index.

    Attributes:
        vector_bucket: where the index is.
        release: whose catalogue the index holds; None while the first load runs.
        count: vectors in it.
        left_out: items of the catalogue that an index cannot hold, because a text of theirs is too long.
        next_row: the lowest row that no item has had.
        loading: the load that runs or was stopped; None: none.
    """

    model_config = ConfigDict(frozen=True)

    format: Literal[1] = 1
    vector_bucket: str
    release: str | None = None
    count: int = Field(default=0, ge=0)
    left_out: int = Field(default=0, ge=0)
    next_row: int = Field(default=0, ge=0)
    loading: Loading | None = None
    updated_at: AwareDatetime

    def to_json(self) -> bytes:
        """The bytes of the object."""
        return (self.model_dump_json(indent=1) + "\n").encode()


def state_key(index: str) -> str:
    """The store's key of the state of an index."""
    return f"{VECTORS}{index}.json"


def read_state(data: bytes) -> IndexState:
    """Parse a state.

    Raises:
        ReleaseError: not JSON, or a field is missing or invalid; the message names it.
    """
    try:
        return IndexState.model_validate(json.loads(data))
    except ValidationError as exc:
        first = exc.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the object"
        raise ReleaseError(f"the state of the index is damaged: {where}: {first['msg']}") from exc
    except (ValueError, RecursionError) as exc:
        raise ReleaseError(f"the state of the index is damaged: it is not JSON: {exc}") from exc
