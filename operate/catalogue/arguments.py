"""Types of arguments of `scripts/catalogue`."""

import argparse
from collections.abc import Callable


def checked(check: Callable[[str | None], str | None]) -> Callable[[str], str]:
    """A type of argparse from a check that raises ValueError with a reason."""

    def convert(text: str) -> str:
        try:
            check(text)
        except ValueError as exc:
            raise argparse.ArgumentTypeError(str(exc)) from exc
        return text

    return convert


def positive(text: str) -> int:
    """A whole number of at least 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)
