"""The command line of a script: help with examples, and mistakes in one line."""

import argparse
import sys
from typing import Any, NoReturn


class CommandParser(argparse.ArgumentParser):
    """An argument parser whose errors are one line. Options cannot be abbreviated."""

    def __init__(self, **about: Any) -> None:
        """See `argparse.ArgumentParser`. Description and epilog keep their lines."""
        super().__init__(**about, allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter)

    def error(self, message: str) -> NoReturn:
        """Called for every error. Ends the process with exit code 2."""
        print(f"{self.prog}: error: {message}. {self.prog} --help lists the options", file=sys.stderr)
        self.exit(2)
