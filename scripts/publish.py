"""Drop a release into a store and upload the photos that its results show."""

import argparse
import os
import sys
from pathlib import Path

from lambda_app.errors import LookalikeError
from lambda_app.publishing import publish
from lambda_app.settings import Settings
from lambda_app.store import open_store


def main() -> int:
    """Exit code 0 when live or stored, 1 when refused."""
    parser = argparse.ArgumentParser(prog="scripts/publish", description=__doc__)
    parser.add_argument("archive", type=Path, help="release archive, .tar or .tar.gz")
    parser.add_argument("--store", required=True, help="folder or s3://bucket[/prefix]")
    parser.add_argument("--photos", type=Path, help="the data folder that the release was made from")
    args = parser.parse_args()
    try:
        settings = Settings.from_environ({**os.environ, "LOOKALIKE_STORE": args.store})
        promotion, photos = publish(open_store(args.store), args.archive, args.photos, settings)
    except LookalikeError as exc:
        print(f"scripts/publish: {exc}", file=sys.stderr)
        return 1
    print(promotion.detail)
    print(f"photos: {photos.copied} copied, {photos.present} there already, {photos.missing} not found")
    return 0


if __name__ == "__main__":
    sys.exit(main())
