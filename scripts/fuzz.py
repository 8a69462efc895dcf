"""Send hostile photos, requests and drops to a service of its own, and count what happens."""

import importlib
import sys

from client.command import CommandParser
from reliability import command

# In the order in which they run.
CHECKS = {name: f"reliability.fuzz.{name}.check" for name in ("photos", "requests", "drops")}


def check_of(module: str) -> command.Check:
    """The check of a module, which is imported when it runs: that takes seconds, which --help does not need."""
    return lambda quick: importlib.import_module(module).run(quick)


def command_line() -> CommandParser:
    """The parser of the command line."""
    return command.command_line("scripts/fuzz", str(__doc__), CHECKS)


if __name__ == "__main__":
    sys.exit(command.run("scripts/fuzz", str(__doc__), {name: check_of(module) for name, module in CHECKS.items()}))
