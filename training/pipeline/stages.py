"""Run a stage only if its inputs, settings or code have changed since its last run."""

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
from training.pipeline import interrupts
from training.pipeline.code_digest import code_digest
from training.pipeline.disk import writing
from training.pipeline.files import write_json
from training.pipeline.work_folder import WorkFolder

log = logging.getLogger(__name__)


def run_stage(
    work: WorkFolder, name: str, inputs: Mapping[str, Any], outputs: Sequence[Path], make: Callable[[], object]
) -> bool:
    """Run a stage, unless its last run had the same inputs and code and its outputs still exist.

    A stamp file stores the digest of inputs and code. It is removed before the stage runs and written after the stage
    has finished, so a stage that was killed runs again.

    Args:
        work: the work folder, which holds the stamp.
        name: name of the stage.
        inputs: everything that the outputs depend on, as JSON values: settings, digests of files.
        outputs: files that `make` writes.
        make: does the work. The stage's code is the module of this function and the project modules that it imports.

    Returns:
        Whether the stage ran.

    Raises:
        TrainingError: `make` returned, but an output is missing.
        KeyboardInterrupt: a signal arrived before, and was swallowed.
        DiskFullError: the disk is full.
    """
    interrupts.check()
    stamp = _stamp_of(work, name)
    code = code_digest(Path(inspect.getfile(make)))
    digest = digest_of({"stage": name, "version": importlib.metadata.version("lookalike"), "code": code, **inputs})
    if _stored_digest(stamp) == digest and all(path.exists() for path in outputs):
        log.info("%s: unchanged", name)
        return False
    stamp.unlink(missing_ok=True)
    start = time.monotonic()
    with writing(work.root):
        make()
    missing = [str(path) for path in outputs if not path.exists()]
    if missing:
        raise TrainingError(f"stage {name} did not write {', '.join(missing)}")
    seconds = round(time.monotonic() - start, 1)
    write_json(stamp, {"digest": digest, "seconds": seconds, "inputs": dict(inputs)})
    log.info("%s: done in %.1f s", name, seconds)
    return True


def stage_seconds(work: WorkFolder, name: str) -> float | None:
    """Duration of the last run of a stage in seconds; None if it has not run."""
    stamp = _stamp_of(work, name)
    return float(json.loads(stamp.read_bytes())["seconds"]) if stamp.is_file() else None


def stage_digest(work: WorkFolder, name: str) -> str | None:
    """What the outputs of a stage belong to: the digest of its inputs and code. None if it has not finished."""
    return _stored_digest(_stamp_of(work, name))


def stage_inputs(work: WorkFolder, name: str) -> dict[str, Any]:
    """The inputs of the last run of a stage; empty if it has not finished."""
    stamp = _stamp_of(work, name)
    inputs: dict[str, Any] = json.loads(stamp.read_bytes())["inputs"] if stamp.is_file() else {}
    return inputs


def digest_of(values: Mapping[str, Any]) -> str:
    """Hex SHA-256 of JSON values; the order of the keys does not matter."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def _stamp_of(work: WorkFolder, name: str) -> Path:
    return work.root / "stages" / f"{name}.json"


def _stored_digest(stamp: Path) -> str | None:
    try:
        return str(json.loads(stamp.read_bytes())["digest"])
    except (OSError, ValueError, KeyError):
        return None
