"""Publish a release to a store and upload its photos.

The release goes live only if it passes the checks in README.md, "How it works". In a folder, this happens at
once. In a bucket, the archive becomes a drop, which the promoter Lambda checks and promotes; --wait waits for the
result.
"""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from client.command import CommandParser
from lambda_app.errors import DamagedFileError, LookalikeError
from lambda_app.promotion.publishing import PhotoUpload, drop, outcome, publish
from lambda_app.settings import Settings, aws_region
from lambda_app.store.bucket import S3Store
from lambda_app.store.contract import Store
from lambda_app.store.folder import FolderStore
from lambda_app.store.opening import existing_store, open_store
from operate.stack import StackError, call_promoter, find_stack

POLL_SECONDS = 2.0
WAIT_SECONDS = 15 * 60.0  # the maximum run time of a Lambda
# S3 begins to send events some minutes after a bucket is told to. Then nobody tells the promoter about the first drop.
CALL_SECONDS = 60.0
FORCE = (
    "; the archive itself says whether it goes live in spite of lower figures or other categories: make it with "
    "scripts/train ... --force True, which keeps what is trained"
)
EXAMPLES = """\
examples:
  scripts/publish var/work/release.tar --store var/store --photos var/shop --create
  scripts/publish var/work/release.tar --store s3://shop-search --photos var/shop --wait

Exit codes: 0 if the release is live, or dropped into a bucket; 1 if it was refused, or the archive or the store cannot
be used, or --wait got no result within 15 minutes; 2 for wrong arguments.
"""


def describe(photos: PhotoUpload, folder: Path | None) -> str:
    """The counts of photos, and what to do if the store lacks some.

    Args:
        photos: the counts.
        folder: where photos were looked for; None: nowhere.
    """
    counts = f"photos: {photos.copied} copied, {photos.present} already there, {photos.missing} not found"
    if not photos.missing:
        return counts
    if folder is None:
        cause = "--photos was not given, so no photo was copied. Publish again with --photos DIR, where DIR is"
    else:
        cause = f"--photos {folder} does not contain them. Publish again with --photos DIR, where DIR is"
    return (
        f"{counts}\nwarning: {photos.missing} of the release's photos are not in the store, so the page cannot show "
        f"them. {cause} the data folder that the release was trained on"
    )


def drop_into(
    store: Store,
    archive: Path,
    photos: Path | None,
    wait: bool,
    call: Callable[[str], None],
    *,
    call_after: float = CALL_SECONDS,
    poll: float = POLL_SECONDS,
) -> int:
    """Upload an archive to a bucket as a drop, and with `wait` wait for the result: exit code.

    Args:
        call: asks the promoter to take the drop with this key; called once, after `call_after` seconds with no result.
    """
    dropped, upload = drop(store, archive, photos)
    print(describe(upload, photos))
    print(f"dropped {store}/{dropped.key}", flush=True)
    begun = time.monotonic()
    called = False
    while wait and (waited := time.monotonic() - begun) < WAIT_SECONDS:
        if (promotion := outcome(store, dropped)) is not None:
            print(promotion.detail)
            return 0
        if waited > call_after and not called:
            called = True
            call(dropped.key)
        time.sleep(poll)
    if wait:
        print(f"scripts/publish: no result within {WAIT_SECONDS / 60:.0f} minutes", file=sys.stderr)
    return int(wait)


def call_by_hand(store: Store, stack: str, key: str) -> None:
    """Ask the stack's promoter to take a drop, and say so. A failure is printed: S3's event may still come."""
    import boto3  # a third of a second, which a folder store does not need
    from botocore.exceptions import BotoCoreError

    try:
        session = boto3.Session(region_name=aws_region())
        if not isinstance(store, S3Store):
            raise StackError(f"{store} is a folder")
        found = find_stack(session.client("cloudformation"), stack, store.bucket)
        call_promoter(session.client("lambda"), found, store.prefix + key)
    except (StackError, BotoCoreError) as exc:
        print(f"scripts/publish: no result after a minute, and the promoter cannot be called: {exc}", file=sys.stderr)
    else:
        print("no result after a minute: called the promoter directly", flush=True)


class _Parser(CommandParser):
    """Tells who looks for `--force` here that the archive carries it."""

    def error(self, message: str) -> NoReturn:
        """See `CommandParser`."""
        super().error(f"{message}{FORCE if '--force' in message else ''}")


def command_line() -> CommandParser:
    """The parser of the command line."""
    parser = _Parser(prog="scripts/publish", description=__doc__, epilog=EXAMPLES)
    parser.add_argument("archive", type=Path, metavar="ARCHIVE", help="release archive: .tar, .tar.gz or .tgz")
    parser.add_argument("--store", required=True, help="folder or s3://bucket[/prefix]; required")
    parser.add_argument("--create", action="store_true", help="make a new store if the folder is not a store yet")
    parser.add_argument(
        "--photos",
        type=Path,
        metavar="DIR",
        help="data folder that the release was trained on; its photos are copied; default: none are",
    )
    parser.add_argument("--wait", action="store_true", help="for a bucket: wait until the release is live or refused")
    parser.add_argument(
        "--stack",
        default="Lookalike",
        help="deployed stack, whose promoter --wait calls after a minute without a result; default: %(default)s",
    )
    return parser


def main() -> int:
    """Exit code 0 if the release is live, stored or dropped; 1 if it was refused or --wait timed out."""
    args = command_line().parse_args()
    try:
        settings = Settings.from_environ({**os.environ, "LOOKALIKE_STORE": args.store})
        store = open_store(args.store) if args.create else existing_store(args.store)
        if not isinstance(store, FolderStore):
            return drop_into(
                store, args.archive, args.photos, args.wait, lambda key: call_by_hand(store, args.stack, key)
            )
        promotion, photos = publish(store, args.archive, args.photos, settings)
    except DamagedFileError as exc:
        print(
            f"scripts/publish: {args.archive.name} is damaged: {exc}. Copy the archive again, or make it again",
            file=sys.stderr,
        )
        return 1
    except LookalikeError as exc:
        print(f"scripts/publish: {exc}", file=sys.stderr)
        return 1
    print(promotion.detail)
    print(describe(photos, args.photos))
    return 0


if __name__ == "__main__":
    sys.exit(main())
