"""Runs a script and kills it, with its children, right before one of its steps.

    python -m reliability.soak.kills.stepper STEP TIME DELAY LOG STORE SCRIPT [ARGUMENT...]

A step is an operation on the folder STORE, or the start of a child process. Each step's name is written to LOG. The
fatal one is the TIME-th with the name STEP, from 0. If it starts a child, the kill follows DELAY seconds later. Python
reports the operations to an audit hook (PEP 578) right before it executes them.
"""

import os
import runpy
import signal
import sys
import threading
from collections import Counter
from pathlib import Path

CHILD = "trial"
_OPERATIONS = ("tempfile.mkstemp", "shutil.copyfile", "os.chmod", "os.rename", "os.remove", "os.mkdir")
# The kind of a key by the folder in which it is written.
_KINDS = {"objects": "object", "datasets": "photo", "rejected": "note of a refusal"}


def step_name(event: str, args: tuple[object, ...], store: str) -> str | None:
    """The name of a step, such as "object: rename"; None if the event is none.

    Args:
        event, args: of the audit hook.
        store: the absolute path of the store.
    """
    if event == "subprocess.Popen":
        return CHILD
    if event not in _OPERATIONS:
        return None
    # Of two paths, such as those of a rename, the last one is the target.
    paths = [str(arg) for arg in args if isinstance(arg, str | os.PathLike)]
    if not paths or not paths[-1].startswith(f"{store}/"):
        return None
    parts = Path(paths[-1]).relative_to(store).parts[:-1]
    kind = "pointer" if not parts else _KINDS.get(parts[0], "report" if parts[-1] == "report" else "manifest")
    return f"{kind}: {event.rpartition('.')[2]}"


def watch(fatal: tuple[str, int], delay: float, log: int, store: str) -> None:
    """Install the hook.

    Args:
        fatal: the step before which the process is killed: its name, and how many of this name are let pass.
        delay: seconds from the start of a child to the kill.
        log: descriptor of the log.
        store: the absolute path of the store.
    """
    lock, seen = threading.Lock(), Counter[str]()

    def hook(event: str, args: tuple[object, ...]) -> None:
        name = step_name(event, args, store)
        if name is None:
            return
        with lock:
            found = (name, seen[name])
            seen[name] += 1
            os.write(log, f"{name}\n".encode())
            if found == fatal and name == CHILD:
                threading.Timer(delay, _kill).start()
            elif found == fatal:
                _kill()

    sys.addaudithook(hook)


def _kill() -> None:
    os.killpg(os.getpgid(0), signal.SIGKILL)


def main() -> None:
    """Run the script of the command line."""
    name, time, delay, log, store, script, *arguments = sys.argv[1:]
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    watch((name, int(time)), float(delay), descriptor, store)
    sys.argv = [script, *arguments]
    runpy.run_path(script, run_name="__main__")


if __name__ == "__main__":
    main()
