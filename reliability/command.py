"""The command line of `scripts/fuzz` and `scripts/soak`."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from benchmarks.figures import machine, table
from benchmarks.figures.table import Report
from client.command import CommandParser
from reliability.pages import write_block


class Check(Protocol):
    """A check of this package: attacks the service and counts what happens."""

    def __call__(self, quick: bool) -> Report:
        """Run the check. Every row with a goal must meet it. `quick` runs a slice that takes seconds."""
        ...


def command_line(program: str, description: str, checks: Iterable[str]) -> CommandParser:
    """The parser of the command line; the arguments are those of `run`."""
    names = list(checks)
    parser = CommandParser(
        prog=program,
        description=f"{description}\ndocs/reliability.md explains the checks and their tables.",
        epilog=f"""\
examples:
  {program} --quick                 # every check, a small part of each: minutes
  {program} {names[0]}

All checks with all of their work take hours. Exit codes: 0 if every goal was met; 1 if one was missed; 2 for wrong
arguments.
""",
    )
    parser.add_argument(
        "name", nargs="*", metavar="CHECK", help=f"which checks to run: {', '.join(names)}; default: all"
    )
    parser.add_argument(
        "--quick", action="store_true", help="a small part of each check, with smaller goals: up to a minute each"
    )
    parser.add_argument(
        "--docs",
        type=Path,
        metavar="PAGE",
        help="also write each table into this Markdown page, after <!-- begin CHECK -->; default: none",
    )
    return parser


def run(program: str, description: str, checks: Mapping[str, Check], arguments: Sequence[str] | None = None) -> int:
    """Run the named checks, or all, and print their counts.

    Args:
        program: the command's name, like "scripts/fuzz".
        checks: the checks by name, in the order in which they run.
        arguments: of the command line; None: those of this process.

    Returns:
        The exit code: 1 if a row missed its goal.
    """
    parser = command_line(program, description, checks)
    args = parser.parse_args(arguments)
    if unknown := sorted(set(args.name) - set(checks)):
        parser.error(f"unknown check {', '.join(unknown)}; available: {', '.join(checks)}")
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    print("\n".join(machine.lines(machine.describe())), flush=True)
    missed = 0
    for name in args.name or checks:
        report = checks[name](quick=args.quick)
        text = table.lines(name, report)
        print("", *text, sep="\n", flush=True)
        if args.docs:
            write_block(args.docs, name, text)
        missed += sum(row.met is False for row in report.rows)
    return int(missed > 0)
