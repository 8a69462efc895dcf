"""The command line of a script: help with examples, and mistakes in one line."""

import argparse
import sys
from typing import Any, NoReturn


class CommandParser(argparse.ArgumentParser):
    """An argument parser whose errors are one line. Options cannot be abbreviated."""

    def __init__(self, **about: Any) -> None:
        """See `argparse.ArgumentParser`. Description and epilog keep their lines."""
        super().__init__(**{"allow_abbrev": False, "formatter_class": argparse.RawDescriptionHelpFormatter, **about})

    def error(self, message: str) -> NoReturn:
        """Called for every error. Ends the process with exit code 2."""
        print(f"{self.prog}: error: {message}. {self.prog} --help lists the options", file=sys.stderr)
        self.exit(2)


def described(what: str, *examples: str) -> dict[str, Any]:
    """What `add_parser` takes for a sub-command: its line in the list of all, its own description, and examples."""
    return {
        "help": what,
        "description": f"{what[0].upper()}{what[1:]}.".replace("%", "%%"),
        "epilog": "\n  ".join(["examples:" if len(examples) > 1 else "example:", *examples]),
    }
