import re
import runpy
from pathlib import Path

import pytest

from lambda_app.errors import SettingsError
from training import train
from training.settings.options import parse_values, train_parser
from training.settings.train_settings import TrainSettings, every_setting

SCRIPTS = Path(__file__).parents[3] / "scripts"
# 26 were enough until --teacher, a path that turns distillation on, and --reuse-model, which replaces training.
MOST_OPTIONS = 28


def parse(*argv):
    _, values = parse_values(train_parser("train", "what it does"), argv)
    return TrainSettings.of(values)


def test_without_options_the_settings_are_the_defaults():
    assert parse() == TrainSettings()


def test_an_option_reaches_its_stage_and_the_seed_every_random_stage():
    settings = parse("--size", "64", "--batch", "32", "--precision", "int8", "--index", "flat", "--force", "True")
    assert (settings.prepare.size, settings.fit.batch, settings.export.precision) == (64, 32, "int8")
    assert (settings.index.index, settings.pack.force) == ("flat", True)
    seeded = parse("--seed", "3")
    assert seeded.prepare.seed == seeded.fit.seed == 3


def test_settings_without_an_option_can_be_given_by_name():
    settings = parse("--set", "ema=0.9, test-share=0.2", "--set", "compile=True", "--set", "lr=0.01")
    assert (settings.fit.ema, settings.prepare.test_share, settings.fit.lr) == (0.9, 0.2, 0.01)
    assert settings.execution.compile


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--set", "emma=0.9"], r"no setting emma; did you mean ema\? there are backbone, weights, size, seed, "),
        (["--set", "ema"], "--set 'ema': write NAME=VALUE"),
        (["--set", "ema=0.9,"], "--set 'ema=0.9,': write NAME=VALUE"),
        (["--set", "ema=1"], "ema is 1; it must be at most 0.99999"),
        (["--set", "base_categories=a"], "no setting base_categories;"),
        (["--lr", "0.1", "--set", "lr=0.2"], "lr is given twice: 0.1 and 0.2"),
        (["--compile", "True"], "no option --compile; write --set compile=VALUE"),
        (["--test-share", "0.2"], "no option --test-share; write --set test_share=VALUE"),
        (["--epoch", "3"], r"no option --epoch; did you mean --epochs\?"),
    ],
)
def test_a_mistake_is_named_in_the_error(argv, message):
    with pytest.raises(SettingsError, match=message):
        parse(*argv)


def test_the_settings_of_the_demo_are_the_tuned_ones():
    demo = runpy.run_path(str(SCRIPTS / "demo.py"))
    settings = parse(*demo["RECIPE"]).fit
    assert (settings.weights, settings.lr, settings.batch, settings.schedule) == ("none", 0.014, 128, "cosine")
    assert (settings.small, settings.metric_weight, settings.crop) == (0.625, 1.5, 0.2)
    assert (settings.rotation, settings.warmup) == (10, 0.15)


def test_help_shows_every_setting_by_stage_with_range_and_default(capsys):
    with pytest.raises(SystemExit):
        parse("--help")
    shown = capsys.readouterr().out
    order = [shown.index(f"\n{stage}:\n") for stage in ("prepare", "fit", "export", "index", "pack")]
    assert order == sorted(order)
    words = " ".join(shown.split())
    for setting in every_setting().values():
        given = f"{setting.name}:" if setting.rare else f"{setting.option} {setting.metavar}"
        assert f"{given} {setting.what} (" in words
        assert f"default {setting.default})" in words


def test_help_has_no_more_options_than_a_person_can_read(capsys):
    with pytest.raises(SystemExit):
        train.main(["--help"])
    shown = set(re.findall(r"^  (--[a-z][a-z-]*)", capsys.readouterr().out, re.MULTILINE))
    assert {"--data", "--out", "--set", "--epochs"} <= shown
    assert len(shown) <= MOST_OPTIONS, sorted(shown)
