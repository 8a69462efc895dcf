"""The faults of a store: those on the way to it, and damaged content in it."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Protocol

from lambda_app.release.manifest import Pointer
from lambda_app.store.contract import OBJECTS, POINTER, RELEASES
from reliability.soak.faults.proxy import Failure, FaultProxy, Request

Content = Mapping[str, bytes]  # by key
Damage = Callable[[Content], tuple[str, bytes | None]]


class Place(Protocol):
    """What a fault needs: a store that can be written past the proxy, and the proxy."""

    proxy: FaultProxy

    def write(self, content: Content) -> None:
        """Write objects to the store; the pointer last."""

    def delete(self, key: str) -> None:
        """Delete an object of the store."""


@dataclass(frozen=True)
class Fault:
    """A fault that begins, lasts and is lifted.

    Attributes:
        failure: what the proxy does.
        damaged: returns the key that is damaged, and its bytes; None: it is missing. Without both, there is no fault.
    """

    name: str
    failure: Failure | None = None
    damaged: Damage | None = None

    @contextmanager
    def acting(self, place: Place, content: Content) -> Iterator[None]:
        """Make a release live in the store, which cannot be read rightly until the block ends.

        Args:
            place: the store.
            content: all objects of the release, and the pointer to it.
        """
        if self.failure is not None:
            with place.proxy.failing(self.failure):
                place.write(content)
                yield
        elif self.damaged is not None:
            key, data = self.damaged(content)
            changed = {name: value for name, value in content.items() if name != key}
            if data is None:
                place.delete(key)
            else:
                changed[key] = data
            place.write(changed)
            yield
            place.write({key: content[key]})
        else:
            place.write(content)
            yield


def on_the_way() -> list[Fault]:
    """The faults between the service and the store."""
    errors = {
        "503 SlowDown": (503, "SlowDown"),
        "500 InternalError": (500, "InternalError"),
        "403 AccessDenied": (403, "AccessDenied"),
        "wrong clock (403 RequestTimeTooSkewed)": (403, "RequestTimeTooSkewed"),
        "404 NoSuchKey": (404, "NoSuchKey"),
    }
    return [
        *(Fault(name, Failure("error", *error)) for name, error in errors.items()),
        Fault("no answer", Failure("hang")),
        Fault("slow answer", Failure("slow")),
        Fault("cut in the middle of a body", Failure("cut")),
        Fault("empty body", Failure("empty")),
        Fault("wrong bytes", Failure("flipped")),
        Fault("connection refused", Failure("refused")),
        Fault("pointer changed on the way", Failure("rewritten", rewrite=another_release, which=_is_pointer)),
    ]


def files_only(fault: Fault) -> Fault:
    """The same fault, while the pointer can be read."""
    assert fault.failure is not None  # noqa: S101 (for mypy: only faults on the way are asked for)
    return replace(fault, failure=replace(fault.failure, which=_is_file))


def in_the_store() -> list[Fault]:
    """Damaged content of the store."""
    return [
        Fault("pointer is not JSON", damaged=_junk(b"<html>junk</html>")),
        Fault("pointer is empty", damaged=_junk(b"")),
        Fault("pointer is truncated", damaged=lambda content: (POINTER, content[POINTER][:-40])),
        Fault("pointer names no release", damaged=_pointer(release="20200101-000000-00000000")),
        Fault("pointer has a wrong sha256", damaged=_pointer(manifest_sha256="0" * 64)),
        Fault("manifest is truncated", damaged=_cut(RELEASES)),
        Fault("file is truncated", damaged=_cut(OBJECTS)),
        Fault("file is missing", damaged=lambda content: (_first(content, OBJECTS), None)),
    ]


def another_release(pointer: bytes) -> bytes:
    """A pointer of the same length and form that names a release which does not exist."""
    try:
        found = str(json.loads(pointer)["release"])
    except ValueError:
        return pointer
    return pointer.replace(found.encode(), (found[:-1] + ("0" if found[-1] != "0" else "1")).encode())


def _junk(data: bytes) -> Damage:
    return lambda _: (POINTER, data)


def _pointer(**fields: str) -> Damage:
    def damaged(content: Content) -> tuple[str, bytes | None]:
        pointer = Pointer.model_validate_json(content[POINTER]).model_copy(update=fields)
        return POINTER, pointer.model_dump_json().encode()

    return damaged


def _cut(prefix: str) -> Damage:
    def damaged(content: Content) -> tuple[str, bytes | None]:
        key = _first(content, prefix)
        return key, content[key][: len(content[key]) // 2]

    return damaged


def _first(content: Content, prefix: str) -> str:
    return next(key for key in content if key.startswith(prefix))


def _is_pointer(request: Request) -> bool:
    return request.key.endswith(POINTER)


def _is_file(request: Request) -> bool:
    return f"/{OBJECTS}" in request.key
