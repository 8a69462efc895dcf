from typing import get_args

import pytest

from lambda_app.errors import SettingsError
from lambda_app.search.building.choice import KINDS
from training.index.settings import IndexSettings
from training.pipeline.settings import declared
from training.prepare.settings import PrepareSettings
from training.settings.train_settings import STAGES, TrainSettings, every_setting

# Settings that several stages share; one option sets them all.
SHARED = {"seed", "backbone", "weights"}


def test_only_shared_settings_have_the_same_name_in_several_stages():
    names = [setting.name for kinds in STAGES.values() for kind in kinds for setting in declared(kind)]
    assert {name for name in names if names.count(name) > 1} == SHARED
    assert set(names) == set(every_setting())


def test_every_setting_has_a_description_of_one_line():
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


def test_values_that_the_program_determines_are_not_settings():
    assert "base_categories" in PrepareSettings.model_fields
    assert "base_categories" not in every_setting()


@pytest.mark.parametrize(
    ("stage", "name", "value"),
    [
        ("prepare", "size", 64),
        ("prepare", "seed", 1),
        ("prepare", "test_share", 0.2),
        ("prepare", "validation_share", 0.2),
        ("fit", "seed", 1),
        ("fit", "epochs", 3),
        ("fit", "ema", 0.5),
        ("fit", "optimiser", "sgd"),
        ("export", "precision", "int8"),
        ("index", "name", "autumn"),
        ("pack", "force", True),
        ("pack", "search", "s3vectors"),
    ],
)
def test_a_changed_setting_changes_the_inputs_of_its_stage(stage, name, value):
    before, after = (getattr(TrainSettings.of(values), stage).as_json() for values in ({}, {name: str(value)}))
    assert {key for key in before if before[key] != after[key]} >= {name}
    assert after[name] == value


def test_execution_settings_do_not_change_the_inputs_of_a_stage():
    plain, other = TrainSettings(), TrainSettings.of({"compile": "True", "bfloat16": "False", "workers": "1"})
    assert other.execution != plain.execution
    assert (other.prepare.as_json(), other.fit.as_json()) == (plain.prepare.as_json(), plain.fit.as_json())
