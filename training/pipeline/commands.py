"""Settings as command-line options, and errors as one line on stderr."""

import argparse
import logging
import sys
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path
from typing import Any, NoReturn, Protocol, TypeVar

from lambda_app.errors import LookalikeError, SettingsError
from training.pipeline.interrupts import interruptible, message, number_of
from training.pipeline.settings import Setting, Settings, closest, declared

Kind = TypeVar("Kind", bound=Settings)


class TakesOptions(Protocol):
    """A parser, or a group of its options."""

    def add_argument(self, *names: str, **about: Any) -> argparse.Action:
        """See `argparse.ArgumentParser.add_argument`."""


class CommandParser(argparse.ArgumentParser):
    """An argument parser that raises errors instead of exiting, so `report_errors` prints them like all others.

    Options cannot be abbreviated, so a misspelt option is never taken for another one.
    """

    def __init__(self, **about: Any) -> None:
        keeps_lines = argparse.RawDescriptionHelpFormatter
        super().__init__(**{"allow_abbrev": False, "formatter_class": keeps_lines, **about})

    def error(self, message: str) -> NoReturn:
        """Called by argparse for every error.

        Raises:
            SettingsError: always.
        """
        raise SettingsError(message)

    def parse(self, argv: Sequence[str] | None, *, by_set: Collection[str] = ()) -> argparse.Namespace:
        """Like `parse_args`, but `--metric_weight` means `--metric-weight`: hyperparameters have underscores.

        Args:
            argv: the arguments; None: those of the process.
            by_set: options that this command takes as `--set NAME=VALUE` instead. They get their own error message.

        Raises:
            SettingsError: invalid arguments; for an unknown option the message suggests a similar one.
        """
        words = sys.argv[1:] if argv is None else argv
        given, unknown = self.parse_known_args([_hyphenated(word) for word in words])
        if not unknown:
            return given
        option = unknown[0].partition("=")[0]
        if option in by_set:
            raise SettingsError(f"no option {option}; write --set {option[2:].replace('-', '_')}=VALUE")
        known = [name for name in self._option_string_actions if name.startswith("--")]
        raise SettingsError(f"no option {option}{closest(option, [*known, *by_set])}")


def add_work_folder(parser: TakesOptions, default: Path | None = None) -> None:
    """Add the option `--out`, which all stages have."""
    parser.add_argument(
        "--out",
        type=Path,
        default=default,
        required=default is None,
        help=f"the work folder, which is made if needed; {'required' if default is None else f'default: {default}'}",
    )


def add_options(parser: TakesOptions, settings: Iterable[Setting]) -> None:
    """Add an option for each setting. Values stay text: the settings class converts and checks them."""
    for setting in settings:
        limits = f"{setting.allowed}; " if setting.metavar in ("N", "X") else ""
        about = f"{setting.what} ({limits}default {setting.default})"
        parser.add_argument(
            setting.option, default=argparse.SUPPRESS, metavar=setting.metavar, help=about.replace("%", "%%")
        )


def add_settings(parser: TakesOptions, kind: type[Settings], names: Collection[str] | None = None) -> None:
    """Add an option for each field of a settings class: `batch: int` becomes `--batch N`.

    Args:
        names: names of the fields that become options; all by default.
    """
    add_options(parser, (setting for setting in declared(kind) if names is None or setting.name in names))


def settings_from(arguments: argparse.Namespace, kind: type[Kind], **others: Any) -> Kind:
    """The settings from the options that `add_settings` added.

    Args:
        others: values of fields that have no option.

    Raises:
        SettingsError: names the setting, its value and the limit.
    """
    names = {setting.name for setting in declared(kind)}
    return kind(**{name: value for name, value in vars(arguments).items() if name in names}, **others)


def report_errors(main: Callable[[Sequence[str] | None], None], argv: Sequence[str] | None = None) -> int:
    """Run a command, and print a LookalikeError, Ctrl-C or SIGTERM as one line on stderr.

    Returns:
        The exit status: 0; 2 after a LookalikeError; 130 after Ctrl-C, 143 after SIGTERM.
    """
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    # faiss tries builds for several processors; that one is absent is no error.
    logging.getLogger("faiss.loader").setLevel(logging.WARNING)
    try:
        with interruptible():
            main(argv)
    except LookalikeError as exc:
        print(f"error: {exc}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as exc:
        number = number_of(exc)
        print(message(number), file=sys.stderr)
        return 128 + number
    return 0


def _hyphenated(word: str) -> str:
    """The word with hyphens in the name of the option, and its value unchanged; unchanged if it is not an option."""
    if not word.startswith("--"):
        return word
    name, equals, value = word.partition("=")
    return f"{name.replace('_', '-')}{equals}{value}"
