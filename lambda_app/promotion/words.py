"""What became of a release, in words for people."""

import logging
from datetime import datetime

from lambda_app.catalogue.changes import Revert
from lambda_app.catalogue.draft import effective
from lambda_app.catalogue.log import entries
from lambda_app.errors import MissingObjectError, ReleaseError, StoreError
from lambda_app.promotion.floor import quality
from lambda_app.promotion.stored import stored_manifest
from lambda_app.release.manifest import Manifest
from lambda_app.store.contract import Store

log = logging.getLogger(__name__)


def is_live(release: str, target: str) -> str:
    """That a release is live, and as which one, if changes of the log were applied to it."""
    changed = f" as {target}, with the changes of the log" if target != release else ""
    return f"{release} is live{changed}"


def is_live_already(release: str, live: str) -> str:
    """That the release of an archive is live already, and as which one, if changes of the log were applied to it."""
    if live == release:
        return f"{release} is live already"
    return f"the model of {release} is live already, as {live}, with the changes of the log"


def is_live_again(store: Store, target: Manifest, through: int, live: str) -> str:
    """Which release is live after a rollback to `target`, and how many changes of the log it undid, for people.

    Args:
        through: the last entry that the release made by `reverted` contains.
        live: the id of the release that is live now.
    """
    if live == target.release:
        return f"{live} is live"
    try:
        since = list(entries(store, target.changes_through, through))
    except StoreError as exc:  # the release is live already
        log.warning("the changes that were undone cannot be counted: %s", exc)
        return f"{live}, which was made from it, is live; the changes of the log since then are undone"
    if since and any(isinstance(change, Revert) for change in since[-1].lines):
        since.pop()  # the rollback itself
    count = sum(len(entry.lines) for entry in effective(since))
    return f"{live}, which was made from it, is live; changes of the log that are undone: {count:,}"


def to_seconds(moment: datetime) -> str:
    """A moment without fractions of seconds."""
    return moment.isoformat(timespec="seconds")


def with_figures(store: Store, release: str) -> str:
    """A stored release and its figures, for people."""
    try:
        found = quality(stored_manifest(store, release))
    except (MissingObjectError, ReleaseError):
        found = {}
    return f"{release} ({', '.join(f'{name} {value:.3f}' for name, value in found.items()) or 'no figures'})"
