"""Named recipes: two of the published study, the default, and variants of the default with one change each.

A recipe is a set of changes to `FitSettings`. All other settings keep their default values.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lambda_app.errors import SettingsError
from training.fit.settings import FitSettings

# The study's optimiser with its learning rate: the best learning rates of sgd and adamw differ.
_STUDY_SGD = {"optimiser": "sgd", "lr": 0.015}
# Rotation by any angle plus mirroring includes the vertical flip. Everything that the study did not use is off.
_STUDY = {
    **_STUDY_SGD,
    "freeze": "layer3",
    "batch": 200,
    "warmup": 0.0,
    "small": 1.0,
    "smoothing": 0.0,
    "metric_weight": 0.0,
    "rotation": 180.0,
    "crop": 0.0,
    "colour": 0.0,
    "erasing": 0.0,
    "altered": 0.0,
    "balance": 0.0,
    "baseline": False,
    "fixed_norm": False,
    "ema": 0.0,
}


@dataclass(frozen=True)
class Recipe:
    """A named set of training settings.

    Attributes:
        name: used on the command line, in tables and in folder names.
        what: short description for the table.
        changes: fields of `FitSettings` that differ from the default.
        study: whether this is a recipe of the published study; other recipes are compared with these.
    """

    name: str
    what: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    study: bool = False

    def settings(self, shared: FitSettings) -> FitSettings:
        """The settings of a run with this recipe.

        The study's recipes freeze everything except layer4 and the head. With random initial weights nothing is frozen,
        because random frozen layers would only reduce their accuracy.

        Args:
            shared: the settings that all recipes of a comparison share: backbone, weights, budget and seed.
        """
        changes = dict(self.changes)
        if self.study and shared.weights == "none":
            del changes["freeze"]
        return shared.changed(**changes)


DEFAULT = Recipe("default", "the default settings")
COMPARISON = (
    Recipe("flat", "the published study, constant learning rate", {**_STUDY, "schedule": "flat"}, study=True),
    Recipe(
        "cosine", "the published study, learning rate in three cosine periods", {**_STUDY, "schedule": "waves"}, True
    ),
    DEFAULT,
)
ABLATION = (
    DEFAULT,
    Recipe("no-metric-loss", "cross-entropy alone", {"metric_weight": 0.0}),
    Recipe("more-metric-loss", "the metric loss at three times its weight", {"metric_weight": 1.5}),
    Recipe("no-smoothing", "no label smoothing", {"smoothing": 0.0}),
    Recipe("no-averaging", "the last weights instead of the EMA weights", {"ema": 0.0}),
    Recipe("no-warmup", "full learning rate from the first step", {"warmup": 0.0}),
    Recipe("higher-rate", "2.5 times the learning rate", {"lr": 0.005}),
    Recipe("cosine-rate", "a learning rate that falls to zero", {"schedule": "cosine"}),
    Recipe("small-at-first", "three quarters of the photo side for 60 % of the run", {"small": 0.75}),
    Recipe("no-colour", "no colour changes", {"colour": 0.0}),
    Recipe("no-crop", "no zoom and no shift", {"crop": 0.0}),
    Recipe("no-rotation", "no rotation", {"rotation": 0.0}),
    Recipe("erasing", "a rectangle of every fourth photo erased", {"erasing": 0.25}),
    Recipe("altered-views", "a photo and an altered view in half of the pairs", {"altered": 0.5}),
    Recipe("balance", "every category counts the same", {"balance": 1.0}),
    Recipe("sgd", "the study's optimiser and learning rate", _STUDY_SGD),
)
FROZEN = Recipe("frozen", "the heads alone, on frozen features of pretrained weights", {"freeze": "all"})
RECIPES = {recipe.name: recipe for recipe in (*COMPARISON, *ABLATION, FROZEN)}


def recipe_of(name: str) -> Recipe:
    """The recipe with this name.

    Raises:
        SettingsError: there is no such recipe; the message lists all names.
    """
    if name not in RECIPES:
        raise SettingsError(f"unknown recipe {name!r}; the recipes are {', '.join(RECIPES)}")
    return RECIPES[name]
