"""Checkpoints: written whole or not at all, complete enough that a killed run goes on as if it had not been."""

import os
from pathlib import Path
from typing import Any

import torch

from training.errors import TrainingError


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write tensors and plain values beside `path`, then rename them into place.

    An earlier checkpoint survives a kill or a full disk.

    Raises:
        TrainingError: it cannot be written, as on a full disk.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    try:
        torch.save(state, partial)
        with partial.open("rb+") as file:
            os.fsync(file.fileno())  # else a machine that dies may keep the new name and not the content
        partial.replace(path)
    except (OSError, RuntimeError) as exc:  # torch reports a full disk as a RuntimeError
        raise TrainingError(f"the checkpoint {path} cannot be written: {exc}") from exc
    finally:
        partial.unlink(missing_ok=True)


def load_checkpoint(path: Path, fingerprint: str) -> dict[str, Any] | None:
    """The state saved at `path`, on the CPU; None where there is none, or it is of a run with other settings.

    Raises:
        TrainingError: the file is damaged.
    """
    if not path.is_file():
        return None
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as exc:  # torch's refusals of a damaged file share no other base
        raise TrainingError(f"the checkpoint {path} does not load ({exc}); remove it to start anew") from exc
    return state if isinstance(state, dict) and state.get("fingerprint") == fingerprint else None
