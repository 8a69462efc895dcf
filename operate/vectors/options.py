"""Verbs and options of `scripts/vectors`."""

import argparse
from collections.abc import Sequence

from client.command import CommandParser, described
from lambda_app.catalogue.vectors.pacing import RATE
from lambda_app.catalogue.vectors.sending import CONNECTIONS
from lambda_app.search.s3vectors.schema import MOST_WRITTEN_PER_SECOND

_ABOUT = "Fill indexes of Amazon S3 Vectors from the releases of a store, and move a store there and back."
_MORE = f"""\
examples:
  scripts/vectors load --store s3://shop --vector-bucket shop-vectors      # the live release
  scripts/vectors use s3vectors --store s3://shop --vector-bucket shop-vectors
  scripts/vectors status --store s3://shop
  scripts/vectors check --store s3://shop --vector-bucket shop-vectors
  scripts/vectors use faiss --store s3://shop                              # back, at once
  scripts/vectors load --store s3://shop 20261122-204500-1a2b3c4d --vector-bucket shop-vectors
  scripts/vectors list --store s3://shop --vector-bucket shop-vectors
  scripts/vectors delete items-0123456789abcdef --store s3://shop --vector-bucket shop-vectors

A load may be stopped at any time; started again, it goes on. The vector bucket must exist; LOOKALIKE_VECTOR_BUCKET may
name it too. A load sends up to {RATE:,} vectors a second (an index takes less than {MOST_WRITTEN_PER_SECOND:,}).
exit code: 0 done; 1 an error, or an index differs from its release, which is printed; 2 wrong usage; 130 interrupted
"""
_STORE = "folder or s3://bucket[/prefix], before or after the sub-command; required"


def positive(text: str) -> int:
    """A whole number of at least 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def rate(text: str) -> int:
    """Vectors a second that an index takes."""
    if positive(text) >= MOST_WRITTEN_PER_SECOND:
        raise argparse.ArgumentTypeError(
            f"{text}: an index takes less than {MOST_WRITTEN_PER_SECOND:,} vectors a second"
        )
    return int(text)


def command_line() -> CommandParser:
    """The parser of the command line."""
    parser = CommandParser(prog="scripts/vectors", description=_ABOUT, epilog=_MORE)
    # Taken before and after the verb, so argparse cannot require it.
    parser.add_argument("--store", help=_STORE)
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="COMMAND", title="sub-commands")

    def verb(name: str, what: str, usual: str = "--vector-bucket shop-vectors") -> CommandParser:
        return verbs.add_parser(name, **described(what, f"scripts/vectors {name} --store s3://shop {usual}".rstrip()))

    load = verb("load", "bring the index of a release's model to the release, and compare both")
    check = verb("check", "compare an index with a release: all keys, and 1,000 items as a whole")
    use = verb("use", "make a release live that is equal to the live one, but searched by this engine", "faiss")
    use.add_argument("engine", choices=("s3vectors", "faiss"), help="s3vectors: its index is loaded first")
    verb("status", "what the store knows of its indexes, and how far a load is", "")
    verb("list", "the indexes in the vector bucket, and which of them no stored release needs")
    usual = "items-0123456789abcdef --vector-bucket shop-vectors"
    delete = verb("delete", "delete an index with all its vectors; never that of the live release", usual)
    delete.add_argument("index", metavar="INDEX", help="its name, as `list` shows it")
    delete.add_argument("--yes", action="store_true", help="also an index in which stored releases are searched")
    for one in (load, check):
        one.add_argument("release", nargs="?", metavar="RELEASE", help="id of a stored release; default: the live one")
    for one in (load, use):
        _add_pace(one)
    load.add_argument(
        "--again", action="store_true", help="put everything, whatever the index holds, and delete the rest"
    )
    for one in (load, check, use, verbs.choices["list"], delete):
        one.add_argument("--vector-bucket", metavar="NAME", help="vector bucket; default: LOOKALIKE_VECTOR_BUCKET")
    for one in verbs.choices.values():
        one.add_argument("--store", default=argparse.SUPPRESS, help=_STORE)
    return parser


def parse_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """The arguments; `verb` is the one that was given. Wrong usage ends the process with exit code 2."""
    parser = command_line()
    given = parser.parse_args(argv)
    if given.store is None:
        parser.error("--store is missing: a folder or s3://bucket[/prefix]")
    return given


def _add_pace(parser: CommandParser) -> None:
    parser.add_argument(
        "--connections",
        type=positive,
        default=CONNECTIONS,
        metavar="N",
        help="number of requests at once; default: %(default)s",
    )
    parser.add_argument(
        "--rate", type=rate, default=RATE, metavar="N", help="number of vectors a second; default: %(default)s"
    )
