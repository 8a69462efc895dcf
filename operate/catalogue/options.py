"""Verbs and options of `scripts/catalogue`."""

import argparse
from collections.abc import Sequence
from pathlib import Path

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
exit code: 0 done, also if rows or changes were rejected, which are printed; 1 an error, one line on standard error;
2 wrong usage; 130 interrupted
"""
_STORE = "folder or s3://bucket[/prefix], before or after the verb"


def parse_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """The arguments; `verb` is the one that was given.

    Raises:
        SettingsError: wrong usage.
    """
    parser = CommandParser(
        prog="scripts/catalogue",
        description=_ABOUT,
        epilog=_MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    # Taken before and after the verb, so argparse cannot require it.
    parser.add_argument("--store", help=_STORE)
    verbs = parser.add_subparsers(dest="verb", required=True)
    add = verbs.add_parser("add", help="add photos with their listings, or replace those with the same ids")
    add.add_argument("listings", type=Path, metavar="LISTINGS", help="a table, or a folder as training takes it")
    add.add_argument("--photos", type=Path, metavar="DIR", help="folder of the photos (default: that of the table)")
    add.add_argument("--name", help="the photos get keys datasets/NAME/... (default: name of the folder of photos)")
    add.add_argument("--skip-unknown", action="store_true", help="reject rows of categories that the model lacks")
    add.add_argument("--skip-duplicates", action="store_true", help="reject photos that are listed already")
    add.add_argument("--dry-run", action="store_true", help="read and check everything, and write nothing")
    update = verbs.add_parser(
        "update", help="change title, category, price, location or description; no photo is embedded again"
    )
    update.add_argument("table", type=Path, metavar="CSV", help="image_id or product_id, and the columns to change")
    remove = verbs.add_parser("remove", help="remove photos")
    for verb in (add, update):
        verb.add_argument("--rejected", type=Path, metavar="FILE", help="CSV file for the rows that cannot be used")
        verb.add_argument("--currency", help="currency of all prices (default: what the table says)")
        verb.add_argument("--encoding", type=checked(check_encoding), help="text encoding without a byte order mark")
        verb.add_argument("--columns", type=checked(check_columns), help="columns by field, such as id=Handle")
        verb.add_argument("--category-separator", help="text between the parts of a category path")
    apply = verbs.add_parser(
        "apply", help="take changes from a file: one JSON object in each line, as in docs/design.md"
    )
    apply.add_argument("file", type=Path, metavar="FILE", help="if a line is wrong, nothing is written")
    blocking = [verbs.add_parser("block", help="hide photos at once, in every release, until they are unblocked")]
    blocking.append(verbs.add_parser("unblock", help="show blocked photos again"))
    verbs.add_parser("blocked", help="what is blocked: ids of photos and of products")
    for verb in (remove, *blocking):
        verb.add_argument("ids", nargs="*", metavar="ID", help="ids of photos")
        verb.add_argument("--products", action="store_true", help="the ids are ids of products: all their photos")
        verb.add_argument("--file", type=Path, help="a file with one id per line")
    for verb in (add, update, remove, apply):
        verb.add_argument("--wait", action="store_true", help="return when the changes are live")
        verb.add_argument("--seconds", type=float, default=900.0, help="how long --wait waits (default %(default)g)")
    duplicates = verbs.add_parser("duplicates", help="groups of listings that show the same photo")
    duplicates.add_argument("--csv", type=Path, metavar="FILE", help="write all groups to a table")
    duplicates.add_argument("--page", type=Path, metavar="FILE", help="write a page (HTML) with their pictures")
    log = verbs.add_parser("log", help="the last entries of the log; * means that some changes could not be applied")
    log.add_argument("--last", type=positive, default=20, metavar="N", help="number of entries (default %(default)s)")
    verbs.add_parser("compact", help="merge what was added and removed into one index and one table")
    for verb in verbs.choices.values():
        verb.add_argument("--store", default=argparse.SUPPRESS, help=_STORE)
    given = parser.parse(argv)
    if given.store is None:
        parser.error("--store is missing: a folder or s3://bucket[/prefix]")
    return given
