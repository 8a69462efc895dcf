from typing import get_args

import pytest

from lambda_app.errors import SettingsError
from training.index.choice import KINDS
from training.index.settings import IndexSettings
from training.pipeline.settings import declared
from training.prepare.settings import PrepareSettings
from training.settings.train_settings import STAGES, TrainSettings, every_setting

# What several stages use; one option sets all of them.
SHARED = {"seed"}


def test_a_name_means_one_thing_in_all_stages():
    names = [setting.name for kinds in STAGES.values() for kind in kinds for setting in declared(kind)]
    assert {name for name in names if names.count(name) > 1} == SHARED
    assert set(names) == set(every_setting())


def test_every_setting_says_what_it_does_in_a_line():
    for setting in every_setting().values():
        assert setting.what, setting.name
        assert "\n" not in setting.what
        assert "|" not in setting.what


@pytest.mark.parametrize("name", every_setting())
def test_every_setting_reaches_a_stage(name):
    with pytest.raises(SettingsError, match=rf"^{name} is "):
        TrainSettings.of({name: object()})


def test_an_unknown_name_is_refused():
    with pytest.raises(SettingsError, match=r"no setting epoch; did you mean epochs\?"):
        TrainSettings.of({"epoch": 3})


def test_the_kinds_of_index_are_those_that_can_be_built():
    assert get_args(IndexSettings.model_fields["index"].annotation) == ("auto", *KINDS)


def test_what_the_program_finds_out_is_no_setting():
    assert "base_categories" in PrepareSettings.model_fields
    assert "base_categories" not in every_setting()
