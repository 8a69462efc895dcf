"""Write files atomically: a file is either complete or unchanged."""

import contextlib
import json
from pathlib import Path
from typing import Any

from training.errors import TrainingError


def write_json(path: Path, value: Any) -> None:
    """Write a value as JSON, atomically: see `write_file`."""
    write_file(path, (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode())


def write_file(path: Path, content: bytes) -> None:
    """Write a temporary file next to `path`, then rename it, so that `path` never holds a partial file.

    Raises:
        TrainingError: it cannot be written, for example on a full disk; an existing file at `path` is unchanged.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(content)
        partial.replace(path)
    except OSError as exc:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        raise TrainingError(
            f"{path} cannot be written and is unchanged: {exc}; it needs {len(content):,} bytes"
        ) from exc
