import pytest

from lambda_app.errors import SettingsError
from training.compare.recipes import ABLATION, COMPARISON, DEFAULT, RECIPES, recipe_of
from training.fit.settings import FitSettings

SHARED = FitSettings(backbone="resnet18", weights="imagenet", seconds=60.0, seed=3)


def changed(settings):
    """The settings that differ from the shared ones."""
    return {name: value for name, value in settings.as_json().items() if value != getattr(SHARED, name)}


@pytest.mark.parametrize(("name", "schedule"), [("flat", "flat"), ("cosine", "waves")])
def test_the_recipes_of_the_study_have_the_published_settings(name, schedule):
    settings = recipe_of(name).settings(SHARED)
    assert (settings.optimiser, settings.lr) == ("sgd", 0.015)
    assert (settings.schedule, settings.batch, settings.freeze) == (schedule, 200, "layer3")
    assert (settings.rotation, settings.crop, settings.colour, settings.small) == (180, 0, 0, 1)
    assert (settings.metric_weight, settings.smoothing, settings.ema, settings.warmup) == (0, 0, 0, 0)
    assert (settings.backbone, settings.seconds, settings.seed) == ("resnet18", 60, 3)


def test_a_network_of_random_weights_is_not_frozen():
    random = SHARED.changed(weights="none")
    assert [recipe.settings(random).freeze for recipe in COMPARISON] == ["none"] * 3


def test_the_default_recipe_has_the_shared_settings():
    assert DEFAULT.settings(SHARED) == SHARED


@pytest.mark.parametrize("recipe", ABLATION[1:], ids=lambda recipe: recipe.name)
def test_an_ablation_changes_one_thing(recipe):
    expected = {"optimiser", "lr"} if recipe.name == "sgd" else {*recipe.changes}
    assert set(changed(recipe.settings(SHARED))) == expected
    assert len(expected) == 1 or recipe.name == "sgd"


def test_names_are_unique_and_an_unknown_one_is_an_error():
    assert len(RECIPES) == len(COMPARISON) + len(ABLATION)  # both contain the default, and none of them "frozen"
    with pytest.raises(
        SettingsError, match="unknown recipe 'best'; the recipes are flat, cosine, default, no-metric-loss"
    ):
        recipe_of("best")
