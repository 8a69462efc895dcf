"""Settings as command-line options, and errors as one line on stderr."""

import argparse
import dataclasses
import logging
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from lambda_app.errors import LookalikeError, SettingsError

Settings = TypeVar("Settings")


class CommandParser(argparse.ArgumentParser):
    """Argument parsing that raises a mistake, which `report_errors` tells as it tells every other."""

    def error(self, message: str) -> NoReturn:
        """What argparse calls with a mistake.

        Raises:
            SettingsError: always.
        """
        raise SettingsError(message)


def setting(
    default: Any,
    reason: str,
    *,
    choices: Sequence[str] | None = None,
    low: float | None = None,
    high: float | None = None,
) -> Any:
    """A field of a settings class: its default, the reason for it, which is also its help, and what it may be.

    Args:
        choices: of a text; see `check_settings`.
        low, high: of a number, both allowed.
    """
    metadata = {"help": reason, "choices": choices, "low": low, "high": high}
    return dataclasses.field(default=default, metadata=metadata)


def check_settings(settings: Any) -> None:
    """Hold a settings object to what its fields may be; for `__post_init__`.

    Raises:
        SettingsError: names the field, its value and the limit.
    """
    for field in dataclasses.fields(settings):
        value, limits = getattr(settings, field.name), field.metadata
        if limits["choices"] and value not in limits["choices"]:
            raise SettingsError(f"{field.name} is {value!r}; it may be {', '.join(limits['choices'])}")
        if limits["low"] is not None and not value >= limits["low"]:
            raise SettingsError(f"{field.name} is {value}; it must be at least {limits['low']}")
        if limits["high"] is not None and not value <= limits["high"]:
            raise SettingsError(f"{field.name} is {value}; it must be at most {limits['high']}")


def add_work_folder(parser: argparse.ArgumentParser, default: Path | None = None) -> None:
    """The option `--out`, which every stage takes."""
    parser.add_argument("--out", type=Path, default=default, required=default is None, help="the work folder")


def add_settings(parser: argparse.ArgumentParser, kind: type) -> None:
    """An option for each field of a settings class: `batch: int` becomes `--batch N`."""
    for field in dataclasses.fields(kind):
        parser.add_argument(
            f"--{field.name.replace('_', '-')}",
            type=boolean if field.type is bool else field.type,
            default=field.default,
            choices=field.metadata.get("choices"),
            help=f"{field.metadata['help']} (default {field.default})".replace("%", "%%"),
        )


def settings_from(arguments: argparse.Namespace, kind: type[Settings]) -> Settings:
    """The settings that were parsed by options of `add_settings`."""
    return kind(**{field.name: getattr(arguments, field.name) for field in dataclasses.fields(kind)})  # type: ignore[arg-type]


def boolean(text: str) -> bool:
    """`--flag True`: SageMaker passes every hyperparameter with a value, so that a bare flag cannot be told from one.

    Raises:
        argparse.ArgumentTypeError: neither true nor false.
    """
    if text.lower() in ("true", "1", "yes"):
        return True
    if text.lower() in ("false", "0", "no"):
        return False
    raise argparse.ArgumentTypeError(f"{text!r} is neither true nor false")


def report_errors(main: Callable[[Sequence[str] | None], None], argv: Sequence[str] | None = None) -> int:
    """Run a command: what Lookalike itself reports becomes one line on stderr.

    Returns:
        The exit status: 0, or 2 for an error that a person can act on.
    """
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    try:
        main(argv)
    except LookalikeError as exc:
        print(f"error: {exc}", file=sys.stderr)
        return 2
    return 0
