"""Which code, on which machine: what a report and a release say about where they come from."""

import platform
import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch


def commit() -> str | None:
    """The commit that this code is at, marked where it was changed; None outside of a checkout."""
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
    """Version and commit of this code."""
    return {"version": version("lookalike"), "commit": commit()}


def versions() -> dict[str, str]:
    """Of what computes."""
    return {"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__}


def device_name(device: torch.device) -> str:
    """The GPU's name, or how many threads of the CPU."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else f"cpu, {torch.get_num_threads()} threads"
