"""Drop a release into a store and upload the photos that its results show.

Into a folder the release goes live at once. Into a bucket it is dropped, and the promoter there takes it up; --wait
follows it.
"""

import argparse
import os
import sys
import time
from pathlib import Path

from lambda_app.errors import LookalikeError
from lambda_app.promotion.publishing import PhotoUpload, drop, outcome, publish
from lambda_app.settings import Settings
from lambda_app.store.contract import Store
from lambda_app.store.folder import FolderStore
from lambda_app.store.opening import open_store

POLL_SECONDS = 2.0
WAIT_SECONDS = 15 * 60.0  # as long as a Lambda may run


def tell(photos: PhotoUpload) -> str:
    """A line about the photos."""
    return f"photos: {photos.copied} copied, {photos.present} there already, {photos.missing} not found"


def drop_into(store: Store, archive: Path, photos: Path | None, wait: bool) -> int:
    """Drop into a bucket, and wait if asked."""
    dropped, upload = drop(store, archive, photos)
    print(tell(upload))
    print(f"dropped {store}/{dropped.key}", flush=True)
    deadline = time.monotonic() + (WAIT_SECONDS if wait else 0)
    while time.monotonic() < deadline:
        if (promotion := outcome(store, dropped)) is not None:
            print(promotion.detail)
            return 0
        time.sleep(POLL_SECONDS)
    if wait:
        print(f"scripts/publish: neither live nor refused after {WAIT_SECONDS / 60:.0f} minutes", file=sys.stderr)
    return int(wait)


def main() -> int:
    """Exit code 0 when live, stored or dropped, 1 when refused."""
    parser = argparse.ArgumentParser(prog="scripts/publish", description=__doc__)
    parser.add_argument("archive", type=Path, help="release archive, .tar or .tar.gz")
    parser.add_argument("--store", required=True, help="folder or s3://bucket[/prefix]")
    parser.add_argument("--photos", type=Path, help="the data folder that the release was made from")
    parser.add_argument("--wait", action="store_true", help="follow a drop until it is live or refused")
    args = parser.parse_args()
    try:
        settings = Settings.from_environ({**os.environ, "LOOKALIKE_STORE": args.store})
        store = open_store(args.store)
        if not isinstance(store, FolderStore):
            return drop_into(store, args.archive, args.photos, args.wait)
        promotion, photos = publish(store, args.archive, args.photos, settings)
    except LookalikeError as exc:
        print(f"scripts/publish: {exc}", file=sys.stderr)
        return 1
    print(promotion.detail)
    print(tell(photos))
    return 0


if __name__ == "__main__":
    sys.exit(main())
