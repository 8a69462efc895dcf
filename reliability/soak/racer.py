"""A process that takes part in a race: promotes releases, or prunes, in the store of `LOOKALIKE_STORE`.

`python -m reliability.soak.racer` reads commands from standard input, one JSON object a line, and answers each with one
line: `{"promote": folder}` with the outcome, `{"prune": keep, "seconds": s}` with what it deleted in that time.
"""

import json
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from lambda_app.errors import StoreError
from lambda_app.promotion.promotion import go_live
from lambda_app.promotion.upkeep.pruning import prune
from lambda_app.release.manifest import MANIFEST, read_manifest
from lambda_app.settings import Settings
from lambda_app.store.contract import Store
from lambda_app.store.opening import open_store

# Nothing is too young to be pruned, so that only the order of steps protects a promotion. S3 keeps whole seconds.
AT_ONCE = -timedelta(seconds=2)
TRIES = 200


def promote(store: Store, folder: Path) -> dict[str, Any]:
    """Make an unpacked release live. A fault is tried again at once, as its event would be tried again later.

    Without the trial, which takes a second and touches nothing of the store.
    """
    manifest = read_manifest((folder / MANIFEST).read_bytes())
    faults: list[str] = []
    for _ in range(TRIES):
        try:
            done = go_live(store, folder, manifest)
        except StoreError as exc:
            faults.append(str(exc))
            continue
        return {"outcome": done.outcome, "detail": done.detail, "faults": len(faults)}
    return {"outcome": "fault", "detail": faults[-1], "faults": len(faults)}


def keep_pruning(store: Store, keep: int, seconds: float) -> dict[str, Any]:
    """Prune again and again; the ids of the deleted releases, and the number of deleted objects."""
    end = time.monotonic() + seconds
    releases: list[str] = []
    objects = runs = 0
    while not runs or time.monotonic() < end:
        pruned = prune(store, keep, AT_ONCE)
        releases += pruned.releases
        objects += pruned.objects
        runs += 1
    return {"releases": releases, "objects": objects, "runs": runs}


def main() -> None:
    """Carry out commands until standard input ends."""
    store = open_store(Settings.from_environ().store)
    for line in sys.stdin:
        command = json.loads(line)
        if "promote" in command:
            answer = promote(store, Path(command["promote"]))
        else:
            answer = keep_pruning(store, command["prune"], command["seconds"])
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
