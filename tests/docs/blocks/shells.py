"""Pastes a shell block into an interactive bash or zsh, with programs that only write down their arguments."""

import shutil
import subprocess
from pathlib import Path

from tests.docs.markdown import ROOT

# Without the files of the user. Both shells then act as they do for a new user: zsh takes no comments.
INTERACTIVE = {"bash": ("--norc", "--noprofile", "--noediting", "-i"), "zsh": ("-f", "-i")}
# The programs in the documents besides scripts/. There are no others on the PATH of the shells.
ON_PATH = (
    *(
        "aws",
        "buildah",
        "cat",
        "cp",
        "curl",
        "diff",
        "gh",
        "git",
        "ls",
        "npm",
        "npx",
        "openapi-python-client",
        "pre-commit",
    ),
    *("python", "python3"),
)
BESIDE = (".venv/bin/python", ".venv/bin/pip", ".venv/bin/torchrun", "node_modules/.bin/cdk")
RECORD = "record"
# It prints a word for commands such as `name=$(program)`, and one that `eval` accepts.
_PROGRAM = """#!/bin/sh
{{ printf '%s\\0' "$0" "$@"; printf '\\n\\0'; }} >> "{record}"
echo printed=1
"""


def stand_ins(folder: Path) -> Path:
    """Fill a folder with programs that write down their arguments, and return it."""
    scripts = [f"scripts/{one.name}" for one in (ROOT / "scripts").iterdir() if one.is_file() and not one.suffix]
    for name in (*scripts, *BESIDE, *(f"path/{name}" for name in ON_PATH)):
        program = folder / name
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text(_PROGRAM.format(record=folder / RECORD), encoding="utf-8")
        program.chmod(0o755)
    (folder / "lookalike").symlink_to(folder)  # of `git clone`; the commands after `cd lookalike` find the programs
    return folder


def pasted_into(shell: str, text: str, folder: Path) -> tuple[list[list[str]], str]:
    """The programs that a shell starts for a text, with their arguments, and what it prints to its error output.

    Args:
        folder: of the stand-ins, the shell's working folder.

    Raises:
        LookupError: this machine has no such shell.
    """
    path = shutil.which(shell)
    if path is None:
        raise LookupError(shell)
    record = folder / RECORD
    record.unlink(missing_ok=True)
    environ = {
        "PATH": str(folder / "path"),
        "HOME": str(folder),
        "TERM": "dumb",
        "PS1": "",
        "PS2": "",
        "LANG": "C.UTF-8",
    }
    done = subprocess.run(
        [path, *INTERACTIVE[shell]],
        input=text,
        env=environ,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    started = record.read_text(encoding="utf-8").split("\n\0")[:-1] if record.exists() else []
    return [one.split("\0")[:-1] for one in started], done.stderr
