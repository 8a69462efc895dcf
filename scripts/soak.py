"""Run a service through store faults, kills, races, many releases and long traffic, and count what happens."""

import importlib
import sys

from client.command import CommandParser
from reliability import command

# In the order in which they run.
CHECKS = {
    "faults": "faults.check",
    "kills": "kills.check",
    "races": "races",
    "releases": "releases",
    "traffic": "traffic",
    "overload": "overload",
    "writers": "changes.writers",
    "changes": "changes.catalogue_releases",
}


def check_of(module: str) -> command.Check:
    """The check of a module, which is imported when it runs: that takes seconds, which --help does not need."""
    return lambda quick: importlib.import_module(f"reliability.soak.{module}").run(quick)


def command_line() -> CommandParser:
    """The parser of the command line."""
    return command.command_line("scripts/soak", str(__doc__), CHECKS)


if __name__ == "__main__":
    sys.exit(command.run("scripts/soak", str(__doc__), {name: check_of(module) for name, module in CHECKS.items()}))
