"""What the store says about changes that were not applied."""

import json
from collections.abc import Sequence
from datetime import datetime

from lambda_app.catalogue.draft import Rejection
from lambda_app.store.contract import REJECTED, Store


def rejections_key(entry: int) -> str:
    """Where the changes of an entry that were not applied are noted."""
    return f"{REJECTED}changes/{entry:012}.json"


def note_rejections(store: Store, rejections: Sequence[Rejection], now: datetime) -> None:
    """Write why changes were not applied, for each entry. Written again, a note is the same but for its time."""
    for entry in sorted({rejection.entry for rejection in rejections}):
        lines = [{"line": found.line, "reason": found.reason} for found in rejections if found.entry == entry]
        note = {"entry": entry, "rejected": lines, "rejected_at": now.isoformat(timespec="seconds")}
        store.write(rejections_key(entry), json.dumps(note, indent=1, ensure_ascii=False).encode())
