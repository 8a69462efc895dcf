"""Compare the versions that this project pins with those that the registries have."""

import fnmatch
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from client.command import CommandParser
from pins.pinned import read_pins
from pins.registries import Addresses
from pins.report import ENDED, WITHDRAWN, as_json, as_markdown, as_table, compare, failing
from pins.versions import STEPS

FAIL_ON = (*STEPS, WITHDRAWN, ENDED.replace(" ", "-"))
_MORE = """\
examples:
  scripts/outdated                             # what is not current
  scripts/outdated --all --only 'aws-*'
  scripts/outdated --fail-on major --fail-on end-of-life

It asks the registries that pip, npm and GitHub Actions use here. Exit codes: 0, also if something is outdated; 1 if
--fail-on says so; 2 for wrong arguments.
"""


def command_line() -> CommandParser:
    """The parser of the command line."""
    parser = CommandParser(prog="scripts/outdated", description=__doc__, epilog=_MORE)
    output = parser.add_mutually_exclusive_group()
    output.add_argument("--all", action="store_true", help="also show what is current")
    output.add_argument("--markdown", action="store_true", help="print a table for GitHub")
    output.add_argument("--json", action="store_true", help="print all as JSON")
    parser.add_argument(
        "--only",
        metavar="PATTERN",
        action="append",
        help="only pins of which the name matches, such as 'aws-*'; may be repeated; default: all",
    )
    parser.add_argument(
        "--fail-on",
        metavar="STATE",
        choices=FAIL_ON,
        action="append",
        default=[],
        help=f"exit code 1 if a pin is in this state, or a larger step away: {', '.join(FAIL_ON)}; may be repeated; "
        "default: none",
    )
    return parser


def main(root: Path, environ: Mapping[str, str], arguments: Sequence[str] | None = None) -> int:
    """Exit code 0, also if something is outdated; 1 if `--fail-on` says so; 2 for bad arguments.

    Args:
        root: the project's folder.
        environ: may name the registries, as pip, npm and GitHub Actions read them.
        arguments: of the command line; None: those of the process.
    """
    args = command_line().parse_args(arguments)
    pins = [pin for pin in read_pins(root) if not args.only or _matches(pin.name, args.only)]
    if not pins:
        print(f"scripts/outdated: no pin has a name like {' or '.join(args.only)}", file=sys.stderr)
        return 2
    rows = compare(pins, configured(environ), datetime.now(UTC).date())
    print(as_json(rows) if args.json else as_markdown(rows) if args.markdown else as_table(rows, everything=args.all))
    return int(bool(failing(rows, [state.replace("-", " ") for state in args.fail_on])))


def configured(environ: Mapping[str, str]) -> Addresses:
    """The registries that pip, npm and GitHub Actions use here, so that this works behind mirrors too."""
    usual = Addresses()
    pip = [sys.executable, "-m", "pip", "config", "get", "global.index-url"]
    npm = [shutil.which("npm") or "npm", "config", "get", "registry"]
    return Addresses(
        pypi=environ.get("PIP_INDEX_URL") or _printed(pip) or usual.pypi,
        npm=_printed(npm) or usual.npm,
        github=environ.get("GITHUB_API_URL") or usual.github,
        github_token=environ.get("GITHUB_TOKEN", ""),
    )


def _printed(command: Sequence[str]) -> str:
    """What a command prints, if that is an address; else nothing: then it is not installed or not configured."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    text = done.stdout.strip()
    return text if done.returncode == 0 and text.startswith(("http://", "https://")) else ""


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch.fnmatchcase(name.lower(), pattern.lower()) for pattern in patterns)
