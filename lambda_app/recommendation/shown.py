"""The release that answers: the latest one that was loaded, without the items that are blocked now."""

import logging
import threading
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from lambda_app.errors import StoreError
from lambda_app.release.manifest import Pointer
from lambda_app.store.blocked import BlockedItems, read_blocked
from lambda_app.store.contract import BLOCKED, Store

if TYPE_CHECKING:
    from lambda_app.recommendation.recommender import Recommender

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Live:
    """A loaded release. A request that holds it can use it until the request ends, even after a hot swap."""

    recommender: "Recommender"
    pointer: Pointer
    loaded_at: datetime

    @property
    def release(self) -> str:
        """The release's id, as its manifest says. The pointer's name of it only says where the manifest is."""
        return self.recommender.manifest.release


class ShownRelease:
    """Holds the release that answers. Nothing answers before it is known what is blocked. Thread-safe.

    Attributes:
        loaded: the latest release, with all its items; None: none was loaded.
        live: the same without the blocked items; None: nothing answers. It changes with `hide_blocked` only.
        problem: why nothing answers although a release is loaded, in words.
    """

    def __init__(self, store: Store) -> None:
        """Show releases of a store; nothing is read yet."""
        self._store = store
        self._lock = threading.Lock()
        self._blocked: BlockedItems | None = None  # None: not read yet
        self._version: str | None = None
        self._made_of: tuple[Live, BlockedItems] | None = None  # what `live` was made of
        self.loaded: Live | None = None
        self.live: Live | None = None
        self.problem = f"{BLOCKED} has not been read yet"

    def look(self) -> None:
        """Read the blocked items if they have changed since the last look. Only one thread at a time may look.

        If they cannot be read, those of the last look stay blocked. Never raises.
        """
        try:
            found = read_blocked(self._store, self._version)
        except StoreError as exc:
            self._note(str(exc))
        except Exception:  # requests wait for this thread, so they must learn of any error
            log.exception("the blocked items cannot be read")
            self._note("the log says why")
        else:
            if found is not None:
                self._blocked, self._version = found.items, found.version

    def hide_blocked(self) -> None:
        """Let the loaded release answer, without the blocked items. Call it after either may have changed.

        Never raises.
        """
        while True:
            loaded, before, blocked = self.loaded, self.live, self._blocked
            if loaded is None or blocked is None or self._is_made_of(loaded, blocked):
                return
            try:
                hidden = loaded.recommender.without(blocked, None if before is None else before.recommender)
            except Exception:  # requests wait for this thread, so they must learn of any error
                log.exception("the blocked items of release %s cannot be found", loaded.release)
                self.problem = f"the blocked items of release {loaded.release} cannot be found; the log says why"
                return
            with self._lock:
                # Another thread may have loaded a release, or read what is blocked, meanwhile.
                if self.loaded is loaded and self._blocked is blocked:
                    self.live, self._made_of = replace(loaded, recommender=hidden), (loaded, blocked)

    def _is_made_of(self, loaded: Live, blocked: BlockedItems) -> bool:
        made_of = self._made_of
        return made_of is not None and made_of[0] is loaded and made_of[1] is blocked

    def _note(self, problem: str) -> None:
        self.problem = f"{BLOCKED} cannot be read, so it is unknown what must not be shown: {problem}"
        stays = "nothing can be shown yet" if self._blocked is None else "what was blocked before stays blocked"
        log.warning("%s cannot be read, %s: %s", BLOCKED, stays, problem)
