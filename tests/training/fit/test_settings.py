from typing import get_args

import pytest

from lambda_app.errors import SettingsError
from training.fit.schedule import SCHEDULES
from training.fit.settings import FitSettings


def test_there_are_at_most_27_settings_besides_the_seed():
    """Distillation needs three: the teacher, and the weights of its two terms."""
    assert len(FitSettings.model_fields.keys() - {"seed"}) <= 27


def test_the_setting_allows_exactly_the_known_schedules():
    assert get_args(FitSettings.model_fields["schedule"].annotation) == SCHEDULES


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epochs": -1}, "epochs is -1; it must be at least 0"),
        ({"batch": 15}, "batch is 15; it must be a multiple of 2"),
        ({"warmup": 1.5}, "warmup is 1.5; it must be at most 1"),
        ({"schedule": "step"}, "schedule is 'step'; it may be cosine, flat, waves"),
        ({"optimiser": "lion"}, "optimiser is 'lion'; it may be adamw, sgd"),
        ({"rotation": 181}, "rotation is 181; it must be at most 180"),
        ({"erasing": 1.5}, "erasing is 1.5; it must be at most 1"),
        ({"balance": -0.5}, "balance is -0.5; it must be at least 0"),
    ],
)
def test_a_bad_setting_is_an_error_with_its_limit(changes, message):
    with pytest.raises(SettingsError, match=message):
        FitSettings(**changes)


def test_random_weights_give_the_trained_embedding_alone():
    assert FitSettings(weights="none", pooled_share=0.8).most_pooled == 0
    assert FitSettings(weights="imagenet", pooled_share=0.8).most_pooled == 0.8
