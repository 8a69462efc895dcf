import os
import signal

import pytest
from pydantic import Field

from lambda_app.errors import SettingsError
from training.errors import DataError
from training.pipeline.commands import CommandParser, add_settings, add_work_folder, report_errors, settings_from
from training.pipeline.settings import Settings


class Baking(Settings):
    max_steps: int = Field(default=5, ge=0, le=9, description="how many; 100% of them")
    fast: bool = Field(default=False, description="whether")


def parser(names=None):
    parser = CommandParser(prog="bake")
    add_work_folder(parser)
    add_settings(parser, Baking, names)
    return parser


def parse(*argv, by_set=()):
    return settings_from(parser().parse(["--out", "x", *argv], by_set=by_set), Baking)


def test_settings_are_options_with_the_same_names():
    assert parse() == Baking()
    assert parse("--max-steps", "7", "--fast", "True") == Baking(max_steps=7, fast=True)


def test_an_option_may_be_written_like_its_hyperparameter():
    assert parse("--max_steps", "7").max_steps == parse("--max_steps=7").max_steps == 7


def test_only_the_requested_names_become_options():
    with pytest.raises(SettingsError, match="no option --fast"):
        parser(["max_steps"]).parse(["--out", "x", "--fast", "True"])


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--max-steps", "many"], "max_steps is 'many'; it must be a whole number"),
        (["--max-steps", "10"], "max_steps is 10; it must be at most 9"),
        (["--fast", "maybe"], "fast is 'maybe'; it must be True or False"),
        (["--max-step", "3"], "no option --max-step; did you mean --max-steps?"),
        (["--what"], "no option --what"),
        (["--max-steps"], "argument --max-steps: expected one argument"),
        (["--slow", "3"], "no option --slow; write --set slow=VALUE"),
    ],
)
def test_a_command_line_error_is_one_line_and_exit_code_2(argv, message, capsys):
    assert report_errors(lambda _: parse(*argv, by_set=["--slow"])) == 2
    assert capsys.readouterr().err == f"error: {message}\n"


def test_help_shows_description_range_and_default(capsys):
    with pytest.raises(SystemExit):
        parse("--help")
    shown = " ".join(capsys.readouterr().out.split())
    assert "how many; 100% of them (0 to 9; default 5)" in shown
    assert "whether (default False)" in shown


def test_an_expected_error_is_one_line_and_exit_code_2(capsys):
    def main(argv):
        raise DataError(f"no data in {argv}")

    assert report_errors(main, ["x"]) == 2
    assert capsys.readouterr().err == "error: no data in ['x']\n"


def test_an_unexpected_error_is_not_hidden():
    def main(argv):
        raise ZeroDivisionError(argv)

    with pytest.raises(ZeroDivisionError):
        report_errors(main, [])


def test_success_is_exit_code_0():
    assert report_errors(lambda argv: None, []) == 0


@pytest.mark.parametrize(
    ("number", "status", "told"),
    [(signal.SIGINT, 130, "stopped by Ctrl-C"), (signal.SIGTERM, 143, "stopped by SIGTERM")],
)
def test_a_signal_ends_a_command_with_one_line_and_its_status(number, status, told, capsys):
    cleaned = []

    def main(_argv):
        try:
            os.kill(os.getpid(), number)
        finally:
            cleaned.append(number)

    before = signal.getsignal(signal.SIGTERM)
    assert report_errors(main) == status
    assert cleaned == [number]
    assert capsys.readouterr().err == f"{told}; run again to go on\n"
    assert signal.getsignal(signal.SIGTERM) is before
