"""Another stored release than the live one, for comparing their answers: at most one is loaded at a time."""

import hashlib
import logging
import re
import threading
from dataclasses import replace
from datetime import UTC, datetime

from lambda_app.errors import BusyError, MissingObjectError, NotLiveError, ReleaseError, StoreError, UnknownItemError
from lambda_app.recommendation.fetching import fetch_release
from lambda_app.recommendation.query import shortened
from lambda_app.recommendation.shown import Live
from lambda_app.release.manifest import MANIFEST, Pointer
from lambda_app.settings import Settings
from lambda_app.store.contract import RELEASES, Store

_ID = re.compile(r"[a-z0-9-]{8,64}")

log = logging.getLogger(__name__)


class OtherRelease:
    """Loads a stored release when it is asked for, in place of the one that was asked for before. Thread-safe."""

    def __init__(self, store: Store, settings: Settings) -> None:
        """Load releases of a store; nothing is read yet."""
        self._store, self._settings = store, settings
        self._loading = threading.Lock()
        self._loaded: Live | None = None

    def get(self, release: str, live: Live) -> Live:
        """A release by its id, without the items that are blocked now. What both have in common is shared.

        Args:
            release: the id.
            live: the live release.

        Raises:
            UnknownItemError: the settings allow no other release, or the store has none with this id.
            BusyError: another request loads a release now.
            NotLiveError: it cannot be loaded.
        """
        if release == live.release:
            return live
        if self._settings.other_releases == "none":
            raise UnknownItemError(f"release is {shortened(release)}; this service answers with {live.release} only")
        found = self._loaded
        if found is None or found.release != release:
            found = self._load(release, live)
        return replace(found, recommender=found.recommender.without(live.recommender.blocked))

    def _load(self, release: str, live: Live) -> Live:
        if not self._loading.acquire(blocking=False):
            raise BusyError("another release is being loaded now; send the request again later")
        try:
            pointer = self._pointer(release)
            self._loaded = None  # before the next one is loaded: two of them may not fit into memory
            recommender = fetch_release(self._store, self._settings, pointer, live.recommender)
            self._store.keep_local([*live.recommender.parts.files, *recommender.parts.files])
            self._loaded = Live(recommender, pointer, datetime.now(UTC))
            return self._loaded
        except (ReleaseError, StoreError) as exc:
            log.warning("release %s cannot be loaded: %s", release, exc)
            raise NotLiveError(f"release {release} cannot be loaded; the log says why") from exc
        finally:
            self._loading.release()

    def _pointer(self, release: str) -> Pointer:
        """As the pointer that names the live release: nothing else says what the manifest must be."""
        try:
            if not _ID.fullmatch(release):
                raise MissingObjectError(release)
            data = self._store.read(f"{RELEASES}{release}/{MANIFEST}")
        except MissingObjectError as exc:
            raise UnknownItemError(f"release is {shortened(release)}; the store has no such release") from exc
        now = datetime.now(UTC)
        digest = hashlib.sha256(data).hexdigest()
        return Pointer(release=release, manifest_sha256=digest, promoted_at=now, high_water=now)
