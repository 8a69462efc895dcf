"""Files that are written whole or not at all."""

import contextlib
import json
from pathlib import Path
from typing import Any

from training.errors import TrainingError


def write_json(path: Path, value: Any) -> None:
    """Write JSON as `write_file` does."""
    write_file(path, (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode())


def write_file(path: Path, content: bytes) -> None:
    """Write beside `path`, then rename into place, so that a file there is whole.

    Raises:
        TrainingError: it cannot be written, as on a full disk; what stood at `path` still does.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(content)
        partial.replace(path)
    except OSError as exc:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        raise TrainingError(f"{path} cannot be written, and is as it was: {exc}") from exc
