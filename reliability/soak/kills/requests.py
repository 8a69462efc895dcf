"""Kills a process at its n-th request to S3: right before S3 sees it, or right after S3 has answered."""

from collections.abc import Callable

from lambda_app.store.contract import DROPS, OBJECTS, POINTER, REJECTED, RELEASES
from reliability.soak.faults.proxy import ConnectionLostError, Request, Watcher

_KINDS = {DROPS: "drop", OBJECTS: "object", REJECTED: "note of a refusal", "datasets/": "photo"}


def step_name(request: Request, prefix: str) -> str:
    """What a request does, such as "PUT object"; `prefix` is the bucket's name and the store's prefix."""
    key = request.key.removeprefix(f"{prefix}/")
    if key == request.key or not key:
        return "list"
    if key == POINTER:
        kind = "pointer"
    elif key.startswith(RELEASES):
        kind = "report" if "/report/" in key else "manifest"
    else:
        kind = next((kind for start, kind in _KINDS.items() if key.startswith(start)), "other")
    return f"{request.method} {kind}"


class Killer(Watcher):
    """Notes the requests of a process that pass a proxy, and can kill it at one of them."""

    def __init__(self, prefix: str) -> None:
        """Kill nothing yet; `prefix` is the bucket's name and the store's prefix."""
        self.names: list[str] = []
        self._prefix = prefix
        self._fatal: int | None = None
        self._kill: Callable[[], None] = lambda: None
        self._dead = False

    def begin(self, fatal: int | None = None, kill: Callable[[], None] = lambda: None) -> None:
        """Forget the requests so far, and kill at the place `fatal` from now on.

        Args:
            fatal: twice the number of the request, from 0: right before S3 sees it; one more: after S3 answered.
                None: never.
            kill: ends the process.
        """
        self.names, self._fatal, self._kill, self._dead = [], fatal, kill, False

    def places(self) -> list[str]:
        """A name for each place where a process that sends the requests so far could be killed."""
        return [f"{when} {name}" for name in self.names for when in ("before", "after")]

    def before(self, request: Request) -> None:
        """Note the request; kill if this is the place right before it."""
        if self._dead:  # a request in flight when the process died
            raise ConnectionLostError
        self.names.append(step_name(request, self._prefix))
        self._reached(2 * (len(self.names) - 1))

    def after(self, request: Request) -> None:  # noqa: ARG002 (which one it is, `before` has noted)
        """Kill if this is the place right after the request."""
        self._reached(2 * (len(self.names) - 1) + 1)

    def _reached(self, place: int) -> None:
        if place == self._fatal:
            self._dead = True
            self._kill()
            raise ConnectionLostError
