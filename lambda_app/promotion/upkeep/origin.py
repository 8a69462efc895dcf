"""Where a stored release comes from, in a few words for people."""

from lambda_app.catalogue.changes import Revert
from lambda_app.catalogue.log import entries
from lambda_app.errors import StoreError
from lambda_app.promotion.succession import same_answers
from lambda_app.release.manifest import Manifest
from lambda_app.store.contract import Store

# What a release is searched in.
ENGINES = {"faiss": "its own index files", "s3vectors": "S3 Vectors"}


def origin(store: Store, made: Manifest, parent: Manifest | None) -> str:
    """`trained`, `log up to 3, from ID`, `log up to 3, merged`, `rollback to ID`, or `searched in ..., from ID`.

    Args:
        store: its log says whether a release was made by a rollback.
        made: the release.
        parent: the one that it was made from; None if there is none, or if it is not stored any more.
    """
    if made.parent is None:
        return "trained"
    words = f"log up to {made.changes_through}"
    if parent is not None:
        if made.index != parent.index:  # changes alone leave the first segment as it is
            return f"{words}, merged"
        if made.engine != parent.engine:
            return f"searched in {ENGINES[made.engine]}, from {made.parent}"
        if same_answers(made, parent) and _is_rollback(store, made.changes_through):
            return f"rollback to {made.parent}"
    return f"{words}, from {made.parent}"


def _is_rollback(store: Store, number: int) -> bool:
    try:
        return any(isinstance(change, Revert) for entry in entries(store, number - 1, number) for change in entry.lines)
    except StoreError:
        return False  # the list is worth more than this word
