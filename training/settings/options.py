"""The options of `training.train`: one group per stage, and `--set` for rarely used settings."""

import argparse
import textwrap
from collections.abc import Sequence
from typing import Any

from training.pipeline.commands import CommandParser, add_options
from training.settings.train_settings import by_stage, every_setting, read_pairs, with_pairs

_WIDTH = 110
_EXAMPLES = """\
examples:
  scripts/train --data var/shop --out var/work
  scripts/train --data var/shop --out var/work --backbone resnet18 --size 160 --epochs 10 --set smoothing=0.05
  scripts/train --data var/shop --out var/work --reuse-model var/store    # a new catalogue, without training
  scripts/publish var/work/release.tar --store var/store --photos var/shop --create

Run it again to go on after an interruption: only what has changed is done again. docs/training.md explains all.
Exit codes: 0 when the release is written; 2 for an error, which is one line; 130 after Ctrl-C."""


def train_parser(prog: str, description: str) -> CommandParser:
    """A parser with an option for each setting that is not rare, and with `--set` for any setting."""
    parser = CommandParser(
        prog=prog,
        description=description,
        epilog=f"{_rare_settings()}\n\n{_EXAMPLES}",
        formatter_class=lambda prog: argparse.RawDescriptionHelpFormatter(prog, width=_WIDTH),
    )
    for stage, settings in by_stage():
        add_options(parser.add_argument_group(stage), (setting for setting in settings if not setting.rare))
    parser.add_argument_group("other settings").add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE[,...]",
        help="any setting by its name, also the settings without an option, which are listed below; may be repeated; "
        "default: none",
    )
    return parser


def parse_values(parser: CommandParser, argv: Sequence[str] | None) -> tuple[argparse.Namespace, dict[str, Any]]:
    """The parsed arguments, and the settings that were given, by name.

    Raises:
        SettingsError: an unknown option, or a setting that is given twice.
    """
    known = every_setting()
    given = parser.parse(argv, by_set=[setting.option for setting in known.values() if setting.rare])
    values = {name: value for name, value in vars(given).items() if name in known}
    return given, with_pairs(values, read_pairs(given.set))


def _rare_settings() -> str:
    """The help text for settings that only `--set` takes, one paragraph per setting."""
    lines = ["settings that only --set NAME=VALUE takes:"]
    for stage, settings in by_stage():
        for setting in settings:
            if setting.rare:
                about = f"{setting.name}: {setting.what} ({setting.allowed}; default {setting.default})"
                lines += textwrap.wrap(f"{stage}, {about}", _WIDTH, initial_indent="  ", subsequent_indent="      ")
    return "\n".join(lines)
