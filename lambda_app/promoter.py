"""The Lambda function that promotes dropped archives. It is triggered by EventBridge "Object Created" events of S3.

Events are delivered at least once and in any order; this is harmless, because `promotion` is idempotent and never
replaces a newer release by an older one. A refusal is returned as an outcome, not raised: a retry would be refused
again. Transient errors (S3 not available, a lost race for the pointer) are raised. Lambda then retries the event, and
sends it to the dead-letter queue after the last retry.

A run that has no time for the whole log ends in good order: it writes `changes/unfinished/<name>.jsonl`, whose event
starts the next run. It does so only if it has applied a part, so there are at most as many runs as entries. A part that
never fits ends as any other failure: three tries, then the dead-letter queue.
"""

import json
import logging
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from lambda_app.catalogue.dropped import append_drop
from lambda_app.errors import MissingObjectError, RefusedReleaseError, ReleaseError, SettingsError, UnfinishedError
from lambda_app.promotion.drop_names import check_key, is_changes, is_drop, is_unfinished, unfinished_key
from lambda_app.promotion.ingest import always, apply_changes
from lambda_app.promotion.promotion import promote_archive
from lambda_app.promotion.publishing import reject
from lambda_app.promotion.scratch import keep_only_live, scratch_folder
from lambda_app.promotion.succession import live_release, utc_now
from lambda_app.promotion.upkeep.compaction import compact_if_due
from lambda_app.settings import Settings
from lambda_app.store.bucket import S3Store
from lambda_app.store.contract import CHANGES, DROPS
from lambda_app.store.opening import open_store
from lambda_app.telemetry.formats import Metrics, configure_logging

SERVICE = "promoter"
# Time that a part takes at least; and how much longer than the longest one so far the next part may take.
_LEAST_MILLISECONDS, _LONGER = 60_000, 2
_RESERVED_SECONDS = 30.0  # of the function's time: for what comes after a merge
LOG = CHANGES  # in place of the key of a drop: the log itself

log = logging.getLogger(__name__)


def handler(event: Mapping[str, Any], context: object) -> dict[str, str]:
    """Handle one event.

    Returns:
        `{"outcome": "live" | "already live" | "superseded" | "unfinished" | "refused" | "ignored", "key", "detail"}`.

    Raises:
        StoreError: S3 did not respond, it lacks a file of the live release, the scratch disk is full, or another writer
            changed the pointer too often; a retry may succeed.
        OSError: the disk is broken.
        SettingsError: the event is from another bucket than the store's.
    """
    settings, store = _configured()
    request_id = str(getattr(context, "aws_request_id", ""))
    detail = event.get("detail") or {}
    key = _key_in_store(store, str(detail.get("bucket", {}).get("name")), str(detail.get("object", {}).get("key")))
    # S3 numbers the writes of a key; an event that is delivered again has the same number.
    occasion = str(detail.get("object", {}).get("sequencer") or event.get("time") or "")
    left = getattr(context, "get_remaining_time_in_millis", None)
    seconds_left = (lambda: left() / 1000 - _RESERVED_SECONDS) if left else None
    answer = {"key": key or "", **take_drop(store, key, settings, occasion, TimeLeft.of(context), seconds_left)}
    log.info("drop %s: %s", answer["outcome"], answer["detail"], extra={"request_id": request_id, "drop": key})
    Metrics(SERVICE, stack=settings.stack).put(
        {"RefusedDrops": (int(answer["outcome"] == "refused"), "Count"), "Drops": (1, "Count")},
        {"request_id": request_id, "drop": key, "outcome": answer["outcome"]},
    )
    return answer


class TimeLeft:
    """Whether a run has time for another part, judged by the parts so far. Each call ends a part."""

    def __init__(self, milliseconds: Callable[[], int]) -> None:
        """`milliseconds`: returns the time that is left."""
        self._milliseconds = milliseconds
        self._last, self._longest = milliseconds(), 0

    @classmethod
    def of(cls, context: object) -> Callable[[], bool]:
        """That of a Lambda's context; without a limit, there is always time."""
        found = getattr(context, "get_remaining_time_in_millis", None)
        return always if found is None else cls(found)

    def __call__(self) -> bool:
        """Whether there is time."""
        left = self._milliseconds()
        self._last, self._longest = left, max(self._longest, self._last - left)
        return left >= max(_LEAST_MILLISECONDS, _LONGER * self._longest)


def take_drop(
    store: S3Store,
    key: str | None,
    settings: Settings,
    occasion: str = "",
    go_on: Callable[[], bool] = always,
    seconds_left: Callable[[], float] | None = None,
) -> dict[str, str]:
    """Promote the archive or take the changes at a key of the store. If refused, also write the reason to `rejected/`.

    Args:
        occasion: see `append_drop`.
        go_on: whether there is time for another part of the log. If not, the next run is started.
        seconds_left: the time in which segments may be merged, and an index of S3 Vectors changed; None: no limit.

    Returns:
        `outcome` and `detail`, as in `handler`.
    """
    if key is None or not (is_drop(key) or is_changes(key)):
        return {"outcome": "ignored", "detail": f"{key} is neither a release archive nor changes under {DROPS}"}
    try:
        check_key(key)
        if is_unfinished(key):
            key = _continued(store, key)
        if is_drop(key):
            return _promoted(store, key, settings, go_on, seconds_left)
        return _changed(store, key, settings, occasion, go_on, seconds_left)
    except UnfinishedError as exc:
        # Raised after a part of the log was applied, so this ends.
        store.write(unfinished_key(key), json.dumps({"key": key}).encode())
        return {"outcome": "unfinished", "detail": f"{exc}; the next run goes on"}
    except ReleaseError as exc:
        reject(store, key, exc)
        return {"outcome": "refused", "detail": str(exc)}


def _continued(store: S3Store, key: str) -> str:
    """The key of the drop, or of the log, on which an earlier run has worked."""
    try:
        found = json.loads(store.read(key))["key"]
    except (ValueError, KeyError, TypeError) as exc:
        raise RefusedReleaseError(f"{key} names no drop: {type(exc).__name__}") from exc
    if found == LOG:
        return LOG
    if not isinstance(found, str) or not is_drop(found):
        raise RefusedReleaseError(f"{key} names {str(found)[:80]!r}; it takes the key of a release archive, or {LOG}")
    check_key(found)
    return found


def _promoted(
    store: S3Store,
    key: str,
    settings: Settings,
    go_on: Callable[[], bool],
    seconds_left: Callable[[], float] | None,
) -> dict[str, str]:
    # The cache survives a killed run; without this, what failed drops left would fill the scratch disk.
    keep_only_live(store)
    with scratch_folder("drop") as scratch:
        archive = scratch / Path(key).name
        try:
            store.download(key, archive)
        except MissingObjectError as exc:
            return {"outcome": "ignored", "detail": f"the drop no longer exists: {exc}"}
        # Anything else that is missing, such as a file of the live release, is a fault: raised, for the alarm.
        promotion = promote_archive(store, archive, settings, go_on=go_on, seconds_left=seconds_left)
    keep_only_live(store)
    return {"outcome": promotion.outcome, "detail": promotion.detail}


def _changed(
    store: S3Store,
    key: str,
    settings: Settings,
    occasion: str,
    go_on: Callable[[], bool],
    seconds_left: Callable[[], float] | None,
) -> dict[str, str]:
    """Put the changes of a drop into the log, and apply what the log has. An entry of the log is applied only."""
    if key.startswith(DROPS):
        live_release(store)  # a drop that is refused must not be in the log
        try:
            append_drop(store, key, utc_now(), occasion)
        except MissingObjectError as exc:
            return {"outcome": "ignored", "detail": f"the drop no longer exists: {exc}"}
    done = apply_changes(store, settings, go_on=go_on, seconds_left=seconds_left)
    keep_only_live(store)  # a merge needs the space
    if not done.finished:
        store.write(unfinished_key(LOG), json.dumps({"key": LOG}).encode())
        return {"outcome": "unfinished", "detail": f"{done.detail}; the next run goes on"}
    merged = compact_if_due(store, settings, seconds=seconds_left() if seconds_left else None)
    if merged is None:
        return {"outcome": "live", "detail": done.detail}
    if merged.release is None:
        log.warning(merged.detail)
    keep_only_live(store)
    return {"outcome": "live", "detail": f"{done.detail}; {merged.detail}"}


@cache
def _configured() -> tuple[Settings, S3Store]:
    """Settings and store; read once per process, at the first event."""
    configure_logging(SERVICE)
    settings = Settings.from_environ()
    store = open_store(settings.store)
    if not isinstance(store, S3Store):
        raise SettingsError(f"the promoter needs an S3 store; LOOKALIKE_STORE is {settings.store!r}")
    return settings, store


def _key_in_store(store: S3Store, bucket: str, key: str) -> str | None:
    """The key relative to the store; None if the key is outside the store's prefix."""
    if bucket != store.bucket:
        raise SettingsError(f"the event is from bucket {bucket!r}; this promoter handles {store} only")
    return key.removeprefix(store.prefix) if key.startswith(store.prefix) else None
