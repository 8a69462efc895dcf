"""A folder store with a small release of real parts, for the slices that tests run."""

from pathlib import Path

from lambda_app.store.folder import FolderStore
from tests.releases import build_release, publish_directly


def small_store(scratch: Path) -> str:
    """Make the store in a scratch folder; its path."""
    store = FolderStore(scratch / "store")
    publish_directly(store, scratch / "release", build_release(scratch / "release"))
    return str(store)
