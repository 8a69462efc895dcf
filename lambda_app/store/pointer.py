"""The live pointer in a store: one JSON object, which changes by conditional writes only."""

from typing import Protocol

from pydantic import ValidationError

from lambda_app.errors import ConflictError, PointerConflictError, StoreError
from lambda_app.release.manifest import Pointer
from lambda_app.store.contract import POINTER, LivePointer, Versioned


class _Conditional(Protocol):
    """What a pointer needs of a store."""

    def read_versioned(self, key: str, unless: str | None = None) -> Versioned | None: ...

    def replace(self, key: str, data: bytes, expected: str | None) -> None: ...


class PointerMethods:
    """The methods of a store that read and write the live pointer."""

    def read_pointer(self: _Conditional, unless: str | None = None) -> LivePointer | None:
        """Read the live pointer.

        Args:
            unless: the version of an earlier read. If the pointer still has this version, the result is None. On S3,
                the response is then 304.

        Raises:
            MissingObjectError: no release was promoted yet.
            StoreError: `live.json` is damaged, or S3 refused the request or did not respond.
        """
        found = self.read_versioned(POINTER, unless)
        if found is None:
            return None
        try:
            return LivePointer(Pointer.model_validate_json(found.data), found.version)
        except ValidationError as exc:
            raise StoreError(f"{POINTER} of {self} is damaged: {exc.errors()[0]['msg']}") from exc

    def write_pointer(self: _Conditional, pointer: Pointer, expected: str | None) -> None:
        """Replace the live pointer if it still has the version `expected`.

        Args:
            expected: the version that was read; None if there was no pointer.

        Raises:
            PointerConflictError: the pointer no longer has the version `expected`.
        """
        try:
            self.replace(POINTER, pointer.model_dump_json(indent=1).encode(), expected)
        except ConflictError as exc:
            raise PointerConflictError(f"{POINTER} of {self} has changed since it was read; try again") from exc
