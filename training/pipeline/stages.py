"""A stage runs again only when its inputs, settings or code changed."""

import hashlib
import importlib.metadata
import inspect
import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from training.errors import TrainingError
from training.pipeline.code_digest import code_digest
from training.pipeline.files import write_json
from training.pipeline.work_folder import WorkFolder

log = logging.getLogger(__name__)


def run_stage(
    work: WorkFolder, name: str, inputs: Mapping[str, Any], outputs: Sequence[Path], make: Callable[[], object]
) -> bool:
    """Run a stage unless it has run before with the same inputs and code, and its outputs still stand.

    A stamp with the digest of inputs and code is written last, and removed first: a stage that was killed runs again.

    Args:
        work: where the stamp is kept.
        name: of the stage.
        inputs: everything that the outputs depend on, as JSON values: settings, digests of files.
        outputs: files that `make` leaves behind.
        make: does the work; its module and what that imports of this project are the stage's code.

    Returns:
        Whether it ran.

    Raises:
        TrainingError: an output is missing though `make` returned.
    """
    stamp = work.root / "stages" / f"{name}.json"
    code = code_digest(Path(inspect.getfile(make)))
    digest = digest_of({"stage": name, "version": importlib.metadata.version("lookalike"), "code": code, **inputs})
    if _stamped(stamp) == digest and all(path.exists() for path in outputs):
        log.info("%s: unchanged", name)
        return False
    stamp.unlink(missing_ok=True)
    begun = time.monotonic()
    make()
    missing = [str(path) for path in outputs if not path.exists()]
    if missing:
        raise TrainingError(f"{name} left no {', '.join(missing)}")
    seconds = round(time.monotonic() - begun, 1)
    write_json(stamp, {"digest": digest, "seconds": seconds, "inputs": dict(inputs)})
    log.info("%s: done in %.1f s", name, seconds)
    return True


def stage_seconds(work: WorkFolder, name: str) -> float | None:
    """How long a stage took when it last ran."""
    stamp = work.root / "stages" / f"{name}.json"
    return float(json.loads(stamp.read_bytes())["seconds"]) if stamp.is_file() else None


def digest_of(values: Mapping[str, Any]) -> str:
    """Hex SHA-256 of JSON values, whatever their order."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def _stamped(stamp: Path) -> str | None:
    try:
        return str(json.loads(stamp.read_bytes())["digest"])
    except (OSError, ValueError, KeyError):
        return None
