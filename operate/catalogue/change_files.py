"""Reads files of changes as the log has them. A file is used as a whole, or not at all."""

from pathlib import Path

from lambda_app.catalogue.changes import Change, Revert, read_change
from lambda_app.errors import ChangeError
from operate.catalogue.photos import CatalogueError


def changes_in(path: Path) -> list[Change]:
    """The changes in a file with one change in JSON per line. Blank lines are left out.

    Raises:
        CatalogueError: lines are no changes; the message has a line for each of them.
        OSError: the file cannot be read.
    """
    changes: list[Change] = []
    bad: list[str] = []
    for number, line in enumerate(path.read_bytes().split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            change = read_change(line)
            if isinstance(change, Revert):
                raise ChangeError("only a rollback writes a revert; use scripts/releases rollback")
            changes.append(change)
        except ChangeError as exc:
            bad.append(f"{path} line {number}: {exc}")
    if bad:
        raise CatalogueError("\n".join([*bad, f"nothing was written: {len(bad):,} lines are wrong"]))
    return changes
