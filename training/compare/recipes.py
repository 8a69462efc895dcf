"""Named recipes: the published study's two, the default, and the default with one thing changed.

Each is `FitSettings` with changes, so that whatever a recipe does not name is the default's.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lambda_app.errors import SettingsError
from training.fit.settings import FitSettings

# The study's optimiser, at its rate: what moves the weights well at the one does not at the other's.
_STUDY_SGD = {"optimiser": "sgd", "lr": 0.015}
# Any turn together with mirroring is also the other flip. Everything that the study did not do is off.
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
    "balance": 0.0,
    "ema": 0.0,
}


@dataclass(frozen=True)
class Recipe:
    """A way to train.

    Attributes:
        name: on the command line, in tables, and of folders.
        what: what it is, for a reader of the table.
        changes: of `FitSettings`.
        study: whether it is the published study's, which others are held against.
    """

    name: str
    what: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    study: bool = False

    def settings(self, shared: FitSettings) -> FitSettings:
        """The settings of a run.

        The study's recipes freeze all but layer4 and the head, but not where the weights are random: a frozen random
        network would only hold them back.

        Args:
            shared: what all recipes of a comparison have in common: backbone, weights, budget and seed.
        """
        changes = dict(self.changes)
        if self.study and shared.weights == "none":
            del changes["freeze"]
        return shared.changed(**changes)


DEFAULT = Recipe("default", "the default settings")
COMPARISON = (
    Recipe("flat", "the published study, its rate flat", {**_STUDY, "schedule": "flat"}, study=True),
    Recipe("cosine", "the published study, its rate in three cosine periods", {**_STUDY, "schedule": "waves"}, True),
    DEFAULT,
)
ABLATION = (
    DEFAULT,
    Recipe("no-metric-loss", "cross-entropy alone", {"metric_weight": 0.0}),
    Recipe("more-metric-loss", "the metric loss at three times its weight", {"metric_weight": 1.5}),
    Recipe("no-smoothing", "no label smoothing", {"smoothing": 0.0}),
    Recipe("no-averaging", "the last weights instead of their average", {"ema": 0.0}),
    Recipe("no-warmup", "the full rate from the first step", {"warmup": 0.0}),
    Recipe("higher-rate", "two and a half times the rate", {"lr": 0.005}),
    Recipe("cosine-rate", "a rate that falls to nothing", {"schedule": "cosine"}),
    Recipe("small-at-first", "photos of three quarters of their side for 60 % of the run", {"small": 0.75}),
    Recipe("no-colour", "colours as they are", {"colour": 0.0}),
    Recipe("no-crop", "no zoom and no shift", {"crop": 0.0}),
    Recipe("no-rotation", "no turning", {"rotation": 0.0}),
    Recipe("erasing", "a rectangle of every fourth photo erased", {"erasing": 0.25}),
    Recipe("balance", "every category counts the same", {"balance": 1.0}),
    Recipe("sgd", "the study's optimiser and rate", _STUDY_SGD),
)
RECIPES = {recipe.name: recipe for recipe in (*COMPARISON, *ABLATION)}


def recipe_of(name: str) -> Recipe:
    """The recipe of a name.

    Raises:
        SettingsError: there is none; the message lists those that there are.
    """
    if name not in RECIPES:
        raise SettingsError(f"no recipe {name!r}; there are {', '.join(RECIPES)}")
    return RECIPES[name]
