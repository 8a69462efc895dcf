"""The command line of `scripts/drift`."""

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from client.command import CommandParser
from lambda_app.errors import LookalikeError, MissingObjectError, ReleaseError
from lambda_app.promotion.stored import stored_manifest
from lambda_app.release.manifest import Manifest
from lambda_app.settings import aws_region
from lambda_app.store.contract import Store
from lambda_app.store.opening import existing_store
from operate.drift import report
from operate.drift.answers import LogError, answers_in
from operate.drift.log_sources import file_lines, group_lines, is_file_name
from operate.drift.periods import Periods, periods
from operate.drift.samples import comparable, of_answers, of_reference, unlike_below
from operate.drift.shifts import FEWEST_GROUPS, compare
from operate.drift.wanted import wanted

DAYS, DAYS_BEFORE = 7, 28
# Days before the judged ones are used if they have at least this many photos.
FEWEST_BEFORE = 500
NO_SIGN, RETRAIN, UNUSABLE, TOO_FEW = 0, 1, 2, 3
_ABOUT = "Say whether the photos that people send have changed, so that you should retrain."
_MORE = """\
examples:
  scripts/serve --store var/store 2>>var/serve.log      # answers are logged here
  scripts/drift --logs var/serve.log --store var/store
  scripts/drift --logs exported-logs --store s3://shop-search --until 2026-11-24 --json

Exit codes: 0: no sign of drift; 1: retrain; 2: wrong arguments, log or store; 3: too few photos for any verdict.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0: no sign of drift. 1: retrain. 2: bad arguments, log or store. 3: too few photos for any verdict."""
    args = command_line().parse_args(argv)
    try:
        store = existing_store(args.store)
        found = findings(store, _lines(args), args)
    except LookalikeError as exc:
        print(f"scripts/drift: {exc}", file=sys.stderr)
        return UNUSABLE
    print(json.dumps(report.as_json(found), indent=1) if args.json else "\n".join(report.lines(found)))
    return RETRAIN if found.retrain else NO_SIGN if found.judged else TOO_FEW


def findings(store: Store, lines: Iterable[str], args: argparse.Namespace) -> report.Findings:
    """What a log says about the live release.

    Raises:
        LogError: the log holds no answer about a photo.
        ReleaseError: the live release has no reference.
        StoreError: the store cannot be read, or nothing is live.
    """
    try:
        found = store.read_pointer()
    except MissingObjectError:
        found = None
    if found is None:
        raise LogError(f"nothing is live in {store}; publish a release first (scripts/publish)")
    live = stored_manifest(store, found.pointer.release)
    if live.reference is None:
        raise ReleaseError(f"release {live.release} has no reference; train it again with this version")

    def is_comparable(release: str) -> bool:
        try:
            return release == live.release or comparable(stored_manifest(store, release), live)
        except (MissingObjectError, ReleaseError):  # pruned, or of a later format
            return False

    seen = periods(answers_in(lines), args.days, args.before, args.until, is_comparable)
    return judged(seen, live, args.against)


def judged(seen: Periods, live: Manifest, against: str = "auto") -> report.Findings:
    """Compare the photos of a period with those of the days before, or with the reference of the live release.

    Args:
        live: its manifest must have a reference.
        against: "before", "reference", or "auto": the days before if they have enough photos, else the reference.
    """
    reference = live.reference
    if reference is None:
        raise ReleaseError(f"release {live.release} has no reference")
    enough = len(seen.before) >= FEWEST_BEFORE and len({answer.day for answer in seen.before}) >= FEWEST_GROUPS
    chosen = ("before" if enough else "reference") if against == "auto" else against
    before = of_answers(seen.before, live.categories) if chosen == "before" else of_reference(reference)
    limit = unlike_below(reference)
    now = of_answers(seen.now, live.categories)
    shifts = compare(before, now, len(live.categories), len(reference.centroid_vectors), limit)
    return report.Findings(live.release, chosen, before.count, limit, seen, shifts, wanted(seen.now, limit))


def _lines(args: argparse.Namespace) -> Iterable[str]:
    path = Path(args.logs)
    if path.exists():
        return file_lines(path)
    if is_file_name(args.logs):
        raise LogError(f"no such file: {args.logs}")
    until = args.until or datetime.now(UTC).date() - timedelta(days=1)  # the last whole day
    since = until - timedelta(days=args.days + args.before - 1)
    return group_lines(_client, args.logs, _midnight(since), _midnight(until + timedelta(days=1)))


def _client() -> Any:
    import boto3  # a third of a second, which files do not need

    return boto3.Session(region_name=aws_region()).client("logs")


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def command_line() -> CommandParser:
    """The parser of the command line."""
    parser = CommandParser(prog="scripts/drift", description=_ABOUT, epilog=_MORE)
    parser.add_argument(
        "--logs",
        required=True,
        metavar="FILE|LOGGROUP",
        help="a log of the API: a file, a folder of files (also gzipped), or the name of a log group of CloudWatch; "
        "required",
    )
    parser.add_argument(
        "--store", required=True, help="folder or s3://bucket[/prefix]; its live release is judged; required"
    )
    parser.add_argument(
        "--days", type=_positive, default=DAYS, metavar="N", help="number of days to judge; default: %(default)s"
    )
    parser.add_argument(
        "--before",
        type=_positive,
        default=DAYS_BEFORE,
        metavar="N",
        help="number of days before them to compare with; default: %(default)s",
    )
    parser.add_argument(
        "--until",
        type=_day,
        metavar="DATE",
        help="last day to judge, in UTC; default: the last one in a file, or yesterday",
    )
    parser.add_argument(
        "--against",
        choices=("auto", "before", "reference"),
        default="auto",
        help="what to compare with: the days before, or held-out photos of the catalogue; auto: the days before if "
        f"they have {FEWEST_BEFORE} photos; default: %(default)s",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


def _positive(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 3_650:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 to 3,650")
    return int(text)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as exc:
        raise argparse.ArgumentTypeError(f"{text!r} is not a day such as 2026-11-25") from exc
