"""List the releases in a store, change which one is live, delete old ones, and bring back what was lost."""

import argparse
import os
import sys
from datetime import UTC, datetime

from client.command import CommandParser, described
from lambda_app.catalogue.vectors.ready import bring_index
from lambda_app.errors import LookalikeError
from lambda_app.promotion.promotion import promote_stored, rollback
from lambda_app.promotion.refusal import refusing
from lambda_app.promotion.scratch import scratch_folder
from lambda_app.promotion.trial import check_release
from lambda_app.promotion.upkeep.listing import StoredRelease, list_releases
from lambda_app.promotion.upkeep.model_rollback import rollback_model
from lambda_app.promotion.upkeep.pruning import Pruned, prune
from lambda_app.release.manifest import Manifest
from lambda_app.settings import Settings, aws_region
from lambda_app.store.bucket import S3Store
from lambda_app.store.contract import Store
from lambda_app.store.opening import existing_store
from operate.restore import KEPT, Place, RestoreError, restore
from operate.stack import StackError, find_stack, retry

SHOWN = 10
STORE = "folder or s3://bucket[/prefix], before or after the sub-command; required"
EXAMPLES = """\
examples:
  scripts/releases list --store var/store
  scripts/releases rollback --store s3://shop-search
  scripts/releases list --help                        # options and an example of a sub-command

Exit codes: 0 done; 1 for an error, or a store that cannot be used; 2 for wrong arguments.
"""


def row(stored: StoredRelease) -> str:
    """One line of the table."""
    state = "live" if stored.live else "previous" if stored.previous else "model" if stored.of_model_before else ""
    start = f"{state:9}{stored.release:36}{in_utc(stored.made_at):25}"
    if stored.manifest is None:
        return f"{start}cannot be read: {stored.problem}"
    figures = [f"{name} {value:.3f}" for name, value in stored.figures.items()]
    more = filter(None, [stored.origin, stored.forced])
    return "  ".join([f"{start}{stored.manifest.count:>10,} photos", *figures, *more])


def in_utc(moment: datetime) -> str:
    """A moment to the second, with its zone."""
    try:
        return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    except OverflowError:  # in UTC it would be before the year 1 or after 9999
        return moment.isoformat(sep=" ", timespec="seconds")


def pruned_lines(pruned: Pruned) -> list[str]:
    """What `prune` prints."""
    lines = [f"deleted {release}" for release in pruned.releases]
    lines += [f"deleted {pruned.objects:,} objects that no release names"] if pruned.objects else []
    kept = (
        "nothing to delete: the newest, live and previous releases stay, the last one of another model, and all that "
        "was stored within the last hour"
    )
    return [*(lines or [kept]), *pruned.notes]


def retried_lines(store: Store, stack: str) -> list[str]:
    """Send the events in the stack's dead-letter queue to the promoter again; returns what `retry` prints."""
    if not isinstance(store, S3Store):
        raise StackError(f"{store} is a folder; only a stack with a bucket has dead letters")
    import boto3  # a third of a second, which the other verbs do not need

    session = boto3.Session(region_name=aws_region())
    found = find_stack(session.client("cloudformation"), stack, store.bucket)
    done = retry(session.client("sqs"), session.client("lambda"), found)
    return [*(f"sent again: {key}" for key in done.keys), *done.left] or ["the dead-letter queue is empty"]


def restored_lines(store: Store, at: datetime, settings: Settings, dry_run: bool) -> list[str]:
    """Bring the store back to a moment; returns what `restore` prints."""
    if not isinstance(store, S3Store):
        raise RestoreError(f"{store} is a folder; only a bucket keeps old versions")
    import boto3  # a third of a second, which the other verbs do not need

    place = Place(boto3.Session(region_name=aws_region()).client("s3"), store.bucket, store.prefix)
    with scratch_folder("restore") as scratch:
        # Not this machine's cache, which may hold a file that the bucket has lost.
        fresh = S3Store(store.bucket, store.prefix, cache=scratch)

        def check(manifest: Manifest) -> None:
            with refusing(manifest.release):
                check_release(manifest, fresh.local_file, settings)
            bring_index(fresh, manifest, settings)

        done = restore(place, at, check, dry_run=dry_run)
    would = "would be " if dry_run else ""
    lines = [f"{key}: {would}brought back" for keys in done.copied.values() for key in keys[:SHOWN]]
    lines += [f"{prefix}: {would}brought back: {len(keys):,} keys" for prefix, keys in done.copied.items() if keys]
    lines += [f"lost, because old versions are kept for {KEPT.days} days: {key}" for key in done.lost]
    lines += [f"{done.pointer} {'would be' if dry_run else 'is'} live again"] if done.pointer else []
    return lines or [f"nothing to bring back: {store} is as it was at {in_utc(at)}"]


def moment(text: str) -> datetime:
    """A moment with a time zone, as in ISO 8601."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time with its zone, such as 2026-11-25T10:00Z")
    return found


def positive(text: str) -> int:
    """A whole number of at least 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def command_line() -> CommandParser:
    """The parser of the command line."""
    parser = CommandParser(prog="scripts/releases", description=__doc__, epilog=EXAMPLES)
    # Taken before and after the verb, so argparse cannot require it.
    parser.add_argument("--store", help=STORE)
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="COMMAND", title="sub-commands")

    def verb(name: str, what: str, usual: str = "") -> CommandParser:
        example = " ".join(filter(None, [f"scripts/releases {name}", usual, "--store s3://shop-search"]))
        return verbs.add_parser(name, **described(what, example))

    verb("list", "every stored release, newest first, and what it was made from; model: where rollback --model goes")
    verb(
        "promote", "make a stored release live, even an older or a worse one", "20261122-204500-1a2b3c4d"
    ).add_argument("release", metavar="ID", help="id of a stored release, as `list` shows it")
    verb("rollback", "make the previous live release live again; repeat it to go back further").add_argument(
        "--model",
        action="store_true",
        help="go back to the last release with another model, with all changes of the catalogue since then",
    )
    verb("prune", "delete old releases; what was stored within the last hour stays", "--keep 10").add_argument(
        "--keep",
        type=positive,
        required=True,
        metavar="N",
        help="number of newest releases to keep; the live one and those that rollback goes to are always kept too; "
        "required",
    )
    verb("retry", "send drops that the promoter could not handle to it again").add_argument(
        "--stack", default="Lookalike", help="name of the deployed stack; default: %(default)s"
    )
    restored = verb(
        "restore",
        "bring a bucket's store back to a moment, from the old versions that the bucket keeps",
        "--at 2026-11-25T10:00Z --dry-run",
    )
    restored.add_argument(
        "--at", type=moment, required=True, metavar="TIME", help="with its zone, such as 2026-11-25T10:00Z; required"
    )
    restored.add_argument("--dry-run", action="store_true", help="only print what would be brought back")
    for one in verbs.choices.values():
        one.add_argument("--store", default=argparse.SUPPRESS, help=STORE)
    return parser


def main() -> int:
    """Exit code 0 on success, 1 on an error."""
    parser = command_line()
    args = parser.parse_args()
    if args.store is None:
        parser.error("--store is missing: a folder or s3://bucket[/prefix]")
    try:
        settings = Settings.from_environ({**os.environ, "LOOKALIKE_STORE": args.store})
        store = existing_store(args.store)
        if args.verb == "list":
            lines = [row(stored) for stored in list_releases(store)] or [f"{store} contains no release"]
        elif args.verb == "promote":
            lines = [promote_stored(store, args.release, settings).detail]
        elif args.verb == "rollback":
            lines = [(rollback_model if args.model else rollback)(store, settings).detail]
        elif args.verb == "retry":
            lines = retried_lines(store, args.stack)
        elif args.verb == "restore":
            lines = restored_lines(store, args.at, settings, args.dry_run)
        else:
            lines = pruned_lines(prune(store, args.keep))
    except LookalikeError as exc:
        print(f"scripts/releases: {exc}", file=sys.stderr)
        return 1
    try:
        print("\n".join(lines), flush=True)
    except BrokenPipeError:
        # The reader, such as `head`, has closed the pipe. Without this, flushing the buffer at exit would fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


if __name__ == "__main__":
    sys.exit(main())
