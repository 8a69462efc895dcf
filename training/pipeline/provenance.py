"""Provenance of a report or release: code version, commit, library versions, device."""

import platform
import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch


def commit() -> str | None:
    """The commit of this checkout, with the suffix "-dirty" if files have changed; None outside a git checkout."""
    git = shutil.which("git")
    if git is None:
        return None
    found = subprocess.run(
        [git, "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--abbrev=12"],
        capture_output=True,
        text=True,
        check=False,
    )
    return found.stdout.strip() or None


def code() -> dict[str, str | None]:
    """Version and commit of this project's code."""
    return {"version": version("lookalike"), "commit": commit()}


def versions() -> dict[str, str]:
    """Versions of Python, torch and numpy."""
    return {"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__}


def device_name(device: torch.device) -> str:
    """The name of the GPU, or "cpu" and the number of torch threads."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else f"cpu, {torch.get_num_threads()} threads"
