"""The command line of `scripts/catalogue`."""

import argparse
import csv
import getpass
import logging
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from pydantic import ValidationError

from lambda_app.catalogue.changes import Change, Item, Remove, Upsert, in_words
from lambda_app.catalogue.dropped import read_lines
from lambda_app.catalogue.log import append
from lambda_app.errors import LookalikeError, SettingsError
from lambda_app.promotion.ingest import apply_changes
from lambda_app.promotion.upkeep.compaction import compact, compact_if_due
from lambda_app.settings import Settings
from lambda_app.store.contract import Store
from lambda_app.store.folder import FolderStore
from lambda_app.store.opening import existing_store
from lambda_app.telemetry.formats import quiet_faiss
from operate.catalogue.blocking import Kind, blocked_lines, change_blocked
from operate.catalogue.duplicates import live_release
from operate.catalogue.duplicates_page import tell_duplicates
from operate.catalogue.listed import without_duplicates
from operate.catalogue.listings import Listings, Row, read_listings
from operate.catalogue.live_catalog import live_catalog, live_manifest
from operate.catalogue.options import parse_arguments
from operate.catalogue.overview import log_lines, rejected_count, rejection_lines, wait_until_live
from operate.catalogue.photos import CatalogueError, copy_photos
from operate.catalogue.replaced import without_taken
from operate.catalogue.updates import read_updates
from training.prepare.intake.fields.reading import Reading, parse_columns
from training.prepare.intake.fields.words import counted

FAILED, USAGE, REJECTED, INTERRUPTED = 1, 2, 3, 130
_SHOWN = 10


def main(argv: Sequence[str] | None = None, environ: Mapping[str, str] | None = None) -> int:
    """Run the command; returns the exit code: see `--help`. `environ`: settings of serving, such as limits."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    quiet_faiss()
    try:
        given = parse_arguments(argv)
    except SettingsError as exc:
        print(f"scripts/catalogue: {exc}", file=sys.stderr)
        return USAGE
    try:
        given.settings = Settings.from_environ({**(environ or {}), "LOOKALIKE_STORE": given.store})
        return _run(existing_store(given.store), given)
    except (LookalikeError, OSError) as exc:
        print(f"scripts/catalogue: {exc}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("scripts/catalogue: interrupted", file=sys.stderr)
        return INTERRUPTED


def _run(store: Store, given: argparse.Namespace) -> int:
    """Run a sub-command; returns the exit code."""
    if given.verb == "log":
        print("\n".join(log_lines(store, given.last)))
    elif given.verb == "compact":
        done = compact(store, given.settings)
        print(done.detail if done else "there is nothing to merge: the live release has one segment and no dead rows")
    elif given.verb in ("block", "unblock"):
        print("\n".join(change_blocked(store, given.verb, _kind(given), _ids(given))))
    elif given.verb == "blocked":
        print("\n".join(blocked_lines(store)))
    elif given.verb == "add":
        return _add(store, given)
    elif given.verb == "duplicates":
        tell_duplicates(store, given.settings, given.csv, given.page)
    elif given.verb == "update":
        found = read_updates(given.table, live_manifest(store), _reading(given), given.currency)
        print("\n".join(found.lines))
        _tell_rejected(found.rejected, given.rejected)
        return _write(store, found.changes, given)
    elif given.verb == "apply":
        return _write(store, read_lines(given.file.read_bytes(), str(given.file)), given)
    else:
        return _write(store, _removals(given), given)
    return 0


def _add(store: Store, given: argparse.Namespace) -> int:
    base = live_manifest(store)
    found = read_listings(
        given.listings, base, _reading(given), given.photos, given.currency, skip_unknown=given.skip_unknown
    )
    if given.skip_duplicates:
        found = without_duplicates(found, live_release(store, given.settings))
    with live_catalog(store, base) as catalog:
        found, replaced = without_taken(found, catalog)
    for warning in found.warnings:
        print(f"warning: {warning}")
    _tell_rejected(found.rejected, given.rejected)
    if not found.rows:
        raise CatalogueError(f"{given.listings} holds nothing that can be added; nothing was written")
    told = f"{counted(len(found.rows), 'photo')} ({len(found.rows) - replaced:,} new, {replaced:,} replaced)"
    if given.dry_run:
        print(f"{told} would be added; nothing was written")
        return 0
    name = given.name or found.photos.resolve().name
    keys, copied = copy_photos(store, name, found.photos, [row.photo for row in found.rows])
    print(f"photos: {copied:,} copied, {len(keys) - copied:,} already there")
    print(f"add {told}")
    return _write(store, _upserts(found, keys), given)


def _upserts(found: Listings, keys: dict[str, str]) -> list[Upsert]:
    changes = []
    for row in found.rows:
        try:
            changes.append(Upsert(item=_item(row, keys[row.photo])))
        except ValidationError as exc:
            told = f"photo {row.image_id[:80]!r}: {in_words(exc)}; nothing was written to the log"
            raise CatalogueError(told) from exc
    return changes


def _item(row: Row, key: str) -> Item:
    return Item(**{name: value for name, value in vars(row).items() if name in Item.model_fields} | {"photo": key})


def _removals(given: argparse.Namespace) -> list[Remove]:
    try:
        return [Remove.model_validate({_kind(given): one}) for one in _ids(given)]
    except ValidationError as exc:
        raise CatalogueError(f"{in_words(exc)}; nothing was written") from exc


def _write(store: Store, changes: Sequence[Change], given: argparse.Namespace) -> int:
    """Append changes to the log, and tell what became of them if that is known: the exit code.

    Raises:
        CatalogueError: there is no change, or it is not live in time.
    """
    if not changes:
        raise CatalogueError("there is nothing to change; nothing was written")
    source = f"scripts/catalogue {given.verb} by {getpass.getuser()}"
    numbers = append(store, changes, source, f"{given.verb}-{uuid4()}", datetime.now(UTC))
    entries = f"entry {numbers[0]}" if len(numbers) == 1 else f"entries {numbers[0]} to {numbers[-1]}"
    verb = "is" if len(changes) == 1 else "are"
    print(f"{counted(len(changes), 'change')} {verb} in the log of {store}: {entries}", flush=True)
    if isinstance(store, FolderStore):  # a bucket's events wake the promoter
        print(apply_changes(store, given.settings).detail)
        if merged := compact_if_due(store, given.settings):
            print(merged.detail)
    if given.wait:
        print(wait_until_live(store, numbers[-1], given.seconds))
    if not given.wait and not isinstance(store, FolderStore):
        return 0
    for line in rejection_lines(store, numbers):
        print(line)
    return REJECTED if rejected_count(store, numbers) >= len(changes) else 0


def _kind(given: argparse.Namespace) -> Kind:
    return "product_id" if given.products else "image_id"


def _ids(given: argparse.Namespace) -> list[str]:
    try:
        lines = given.file.read_text(encoding="utf-8-sig").splitlines() if given.file else []
    except UnicodeDecodeError as exc:
        raise CatalogueError(f"{given.file} is not in UTF-8: {exc}; nothing was written") from exc
    ids = list(dict.fromkeys(filter(None, (text.strip() for text in [*given.ids, *lines]))))
    if not ids:
        raise CatalogueError("no id is given; name some, or a file with one id per line by --file")
    return ids


def _reading(given: argparse.Namespace) -> Reading:
    return Reading(given.encoding, parse_columns(given.columns) if given.columns else {}, given.category_separator)


def _tell_rejected(rejected: Sequence[tuple[str, ...]], path: Path | None) -> None:
    """Print the first rejected rows, and write all of them to a file if one is named."""
    if path is not None:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(("source", "row", "line", "id", "reason", "detail"))
            writer.writerows(rejected)
    if not rejected:
        return
    print(f"rejected: {counted(len(rejected), 'row')}{f', listed in {path}' if path else ''}")
    for source, _, line, own, reason, detail in rejected[:_SHOWN]:
        print(f"  {source}{f', line {line}' if line else ''}: {own or 'no id'}: {reason}: {detail}")
    if len(rejected) > _SHOWN:
        print(f"  and {len(rejected) - _SHOWN:,} more{'' if path else '; --rejected FILE lists all of them'}")
