"""What is expensive to make is made once for all processes of pytest-xdist."""

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import pytest


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """The folder of this name, which `make` fills if no other process of this run has; nobody may change it.

    Args:
        factory: of this process; the folder lies beside its own.
        name: of the folder, once in all tests.
        make: gets the path of a folder that does not exist.
    """
    own = factory.getbasetemp()
    # Each process of pytest-xdist has its own folder in that of the run.
    base = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    folder = base / name
    with (base / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = base / f"{name}.done"
        if not done.exists():
            make(folder)
            done.touch()
    return folder
