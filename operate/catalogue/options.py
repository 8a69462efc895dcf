"""Verbs and options of `scripts/catalogue`."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from client.command import described
from operate.catalogue.arguments import checked, positive
from training.pipeline.commands import CommandParser
from training.prepare.intake.fields.reading import check_columns, check_encoding

_ABOUT = "Change the catalogue of a store without training: items go into its log of changes, or are blocked at once."
_MORE = """\
examples:
  scripts/catalogue --store var/store add new.csv --photos var/photos
  scripts/catalogue --store s3://bucket add var/new --name shop --rejected rejected.csv
  scripts/catalogue --store s3://bucket update prices.csv          # image_id or product_id, and what changes
  scripts/catalogue --store s3://bucket remove --products 1001 1002
  scripts/catalogue --store var/store apply changes.jsonl
  scripts/catalogue --store s3://bucket block 1001-1
  scripts/catalogue --store s3://bucket blocked
  scripts/catalogue --store var/store duplicates --csv same.csv --page same.html
  scripts/catalogue log --store var/store
  scripts/catalogue --store s3://bucket compact

An empty cell of an update changes nothing; null or N/A clears the field.
exit code: 0 done, also if some rows or changes were rejected, which are printed; 1 an error, one line on standard
error; 2 wrong usage; 3 update, remove or apply: all changes were rejected, so that trying again does not help (of a
bucket, known with --wait only); 130 interrupted
"""
_STORE = "folder or s3://bucket[/prefix], before or after the sub-command; required"


def command_line() -> CommandParser:
    """The parser of the command line."""
    parser = CommandParser(prog="scripts/catalogue", description=_ABOUT, epilog=_MORE)
    # Taken before and after the verb, so argparse cannot require it.
    parser.add_argument("--store", help=_STORE)
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="COMMAND", title="sub-commands")

    def verb(name: str, what: str, usual: str = "") -> CommandParser:
        example = " ".join(filter(None, [f"scripts/catalogue {name}", usual, "--store var/store"]))
        return verbs.add_parser(name, **described(what, example))

    add = verb(
        "add", "add photos with their listings, or replace those with the same ids", "new.csv --photos var/photos"
    )
    _add_listings(add)
    about = "change title, category, price, location or description; no photo is embedded again"
    update = verb("update", about, "prices.csv")
    update.add_argument("table", type=Path, metavar="CSV", help="image_id or product_id, and the columns to change")
    remove = verb("remove", "remove photos", "--products 1001 1002")
    for one in (add, update):
        _add_reading(one)
    about = "take changes from a file: one JSON object in each line, as in docs/design.md"
    apply = verb("apply", about, "changes.jsonl")
    apply.add_argument("file", type=Path, metavar="FILE", help="if a line is wrong, nothing is written")
    blocking = [verb("block", "hide photos at once, in every release, until they are unblocked", "1001-1")]
    blocking.append(verb("unblock", "show blocked photos again", "1001-1"))
    verb("blocked", "what is blocked: ids of photos and of products")
    for one in (remove, *blocking):
        one.add_argument("ids", nargs="*", metavar="ID", help="ids of photos; default: those of --file")
        one.add_argument("--products", action="store_true", help="the ids are ids of products: all their photos")
        one.add_argument("--file", type=Path, help="a file with one id per line; default: the ids of the command line")
    for one in (add, update, remove, apply):
        one.add_argument("--wait", action="store_true", help="return when the changes are live")
        one.add_argument(
            "--seconds",
            type=float,
            default=900.0,
            metavar="X",
            help="--wait waits so many seconds; default: %(default)g",
        )
    duplicates = verb("duplicates", "groups of listings that show the same photo", "--page same.html")
    duplicates.add_argument("--csv", type=Path, metavar="FILE", help="write all groups to a table; default: none")
    duplicates.add_argument(
        "--page", type=Path, metavar="FILE", help="write a page (HTML) with their pictures; default: none"
    )
    log = verb("log", "the last entries of the log; * means that some changes could not be applied", "--last 50")
    log.add_argument("--last", type=positive, default=20, metavar="N", help="number of entries; default: %(default)s")
    verb("compact", "merge what was added and removed into one index and one table")
    for one in verbs.choices.values():
        one.add_argument("--store", default=argparse.SUPPRESS, help=_STORE)
    return parser


def _add_listings(parser: CommandParser) -> None:
    parser.add_argument("listings", type=Path, metavar="LISTINGS", help="a table, or a folder as training takes it")
    parser.add_argument(
        "--photos", type=Path, metavar="DIR", help="folder of the photos; default: the folder of the table"
    )
    parser.add_argument(
        "--name", help="the photos get keys datasets/NAME/...; default: the name of the folder of the photos"
    )
    parser.add_argument("--skip-unknown", action="store_true", help="reject rows of categories that the model lacks")
    parser.add_argument("--skip-duplicates", action="store_true", help="reject photos that are listed already")
    parser.add_argument("--dry-run", action="store_true", help="read and check everything, and write nothing")


def _add_reading(parser: CommandParser) -> None:
    parser.add_argument(
        "--rejected", type=Path, metavar="FILE", help="CSV file for the rows that cannot be used; default: none"
    )
    parser.add_argument("--currency", help="currency of all prices, such as EUR; default: what the table says")
    parser.add_argument(
        "--encoding",
        type=checked(check_encoding),
        help="text encoding without a byte order mark, such as cp1252; default: UTF-8, else Windows-1252",
    )
    parser.add_argument(
        "--columns",
        type=checked(check_columns),
        help="columns by field, such as id=Handle; default: found by their usual names",
    )
    parser.add_argument(
        "--category-separator", help="text between the parts of a category path; default: found from the cells"
    )


def parse_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """The arguments; `verb` is the one that was given.

    Raises:
        SettingsError: wrong usage.
    """
    parser = command_line()
    given = parser.parse(argv)
    if given.store is None:
        parser.error("--store is missing: a folder or s3://bucket[/prefix]")
    return given
