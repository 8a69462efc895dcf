import dataclasses

import pytest

from lambda_app.errors import SettingsError
from training.fit.settings import FitSettings


def test_there_are_at_most_twenty_settings_beside_the_seed_each_with_a_reason():
    fields = dataclasses.fields(FitSettings)
    assert len({field.name for field in fields} - {"seed"}) <= 20
    assert all(field.metadata["help"] for field in fields)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epochs": -1}, "epochs is -1; it must be at least 0"),
        ({"warmup": 1.5}, "warmup is 1.5; it must be at most 1"),
        ({"schedule": "step"}, "schedule is 'step'; it may be cosine, flat, waves"),
        ({"optimiser": "lion"}, "optimiser is 'lion'; it may be adamw, sgd"),
        ({"rotation": 181}, "rotation is 181; it must be at most 180"),
        ({"erasing": 1.5}, "erasing is 1.5; it must be at most 1"),
        ({"balance": -0.5}, "balance is -0.5; it must be at least 0"),
    ],
)
def test_a_bad_setting_is_named_with_its_limit(changes, message):
    with pytest.raises(SettingsError, match=message):
        FitSettings(**changes)
