"""The frozen road: heads on the pooled features of the starting weights. Runs from pretrained weights take it first.

It is the baseline that fine-tuning must beat, and fine-tuning starts from these heads. With `--freeze all` it is the
result. Files in OUT/frozen: those of `training.fit.features`, `heads.safetensors` with the heads, a linear
probe, and embeddings that have not seen some of the categories, and `frozen.json` with their figures on the validation
split.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from training.dataset import Dataset
from training.fit import features
from training.fit.heads import unseen
from training.fit.heads.blend import Linear
from training.fit.heads.share import NOT_POOLED, LabelledFeatures, blend
from training.fit.heads.train import PROBE, HeadRecipe, TrainingFeatures, train_heads
from training.fit.settings import FitSettings
from training.fit.teaching import Teaching, dimension, loss_of
from training.fit.validation import FIGURES, figures_of, score
from training.network.cached import FEATURES_STAGE
from training.network.embedding_net import EmbeddingNet
from training.network.frozen_heads import PROBE as PROBE_PREFIX
from training.network.frozen_heads import FrozenHeads
from training.network.pooled import Features
from training.network.weights import starting_network
from training.pipeline.files import write_json
from training.pipeline.stages import run_stage, stage_digest
from training.pipeline.work_folder import WorkFolder

ALL = "all"  # the value of the setting `freeze`
# Whose weights a run keeps, if not those of the frozen road.
FINE_TUNED, INITIAL = "fine-tuned", "initial"
CRITERION = "mean of accuracy and recall@4 on the validation photos; the accuracy alone if no product has two photos"


@dataclass(frozen=True)
class Baseline:
    """What the frozen road gave.

    Attributes:
        heads: for the pooled features of the starting weights.
        figures: metrics of the heads on the validation split, by the names of `training.fit.validation.FIGURES`.
        probe: the same of the linear probe; it has no embedding.
        pooled: `pooled_share` of their embedding, and how it was chosen: see `training.fit.heads.share`.
        unseen: why no embedding was trained without some of the categories; None if there are such embeddings.
        features: digest of the inputs and the code of the features; None if it is not known.
    """

    heads: FrozenHeads
    figures: dict[str, float | None]
    probe: dict[str, float | None]
    pooled: dict[str, Any] = field(default_factory=lambda: dict(NOT_POOLED))
    unseen: str | None = None
    features: str | None = None

    @property
    def score(self) -> float | None:
        """The score by which weights are chosen; None without a validation split."""
        return score(self.figures)

    def is_as_good_as(self, best: float | None) -> bool:
        """Whether fine-tuning, whose best score is `best`, does not beat it. Without a validation split it does."""
        return self.score is not None and best is not None and not best > self.score  # also if `best` is not a number

    def network(self, dataset: Dataset, settings: FitSettings) -> EmbeddingNet:
        """The starting weights with these heads."""
        size, dim = dataset.preprocessing.size, len(self.heads.state["embedding.weight"])
        model = starting_network(settings.backbone, settings.weights, dataset.categories, size, dim)
        self.heads.load_into(model)
        return model


def missing_because(settings: FitSettings) -> str | None:
    """Why a run has no baseline; None if it has one."""
    if settings.weights == "none":
        return "training starts from random weights, whose features say nothing of a photo"
    if not settings.baseline and settings.freeze != ALL:
        return "it is switched off (setting baseline)"
    return None


def described(
    settings: FitSettings, baseline: Baseline | None, kept: str, best: float | None, diverged: str | None = None
) -> dict[str, Any]:
    """The entry `baseline` of `fit.json`.

    Args:
        kept: FROZEN, FINE_TUNED, or INITIAL for a network that was not trained.
        best: the best score of fine-tuning; None if there was none.
        diverged: where the loss of fine-tuning stopped being finite; None if it did not.
    """
    return {
        "reason": missing_because(settings),
        "kept": kept,
        "criterion": CRITERION,
        "scores": {"frozen": None if baseline is None else baseline.score, "fine_tuned": best},
        "diverged": diverged,
        "heads": None if baseline is None else baseline.figures,
        "probe": None if baseline is None else baseline.probe,
        "unseen": missing_because(settings) if baseline is None else baseline.unseen,
        "features": None if baseline is None else baseline.features,
    }


def run(
    work: WorkFolder,
    dataset: Dataset,
    settings: FitSettings,
    device: torch.device,
    teaching: Teaching | None = None,
) -> Baseline | None:
    """Run the stages `features` and `heads`, if their inputs have changed. None if `missing_because` names a reason.

    Raises:
        DiskFullError: the features do not fit on the disk.
        WeightsError: the weights cannot be loaded.
    """
    if missing_because(settings) is not None:
        return None
    features.run(work, dataset, settings, device)
    about = work.frozen / "frozen.json"
    inputs = {**features.inputs_of(dataset, settings), "recipe": _recipe_of(settings)}
    if teaching is not None:
        inputs["teacher"] = [teaching.about, loss_of(settings).about()]
    run_stage(
        work, "heads", inputs, [work.heads, about], lambda: train(work, dataset, settings, device, about, teaching)
    )
    found = json.loads(about.read_bytes())
    measured = found["validation"]
    return Baseline(
        FrozenHeads.read(work.heads),
        measured["heads"],
        measured["probe"],
        found["pooled"],
        found["unseen"],
        stage_digest(work, FEATURES_STAGE),
    )


def _recipe_of(settings: FitSettings) -> list[float]:
    return [settings.seed, settings.balance, settings.smoothing, settings.most_pooled]


def train(
    work: WorkFolder,
    dataset: Dataset,
    settings: FitSettings,
    device: torch.device,
    about: Path,
    teaching: Teaching | None = None,
) -> None:
    """Train heads and linear probe on the features, and measure them on the validation split."""
    pooled, mirrored = (np.load(path, mmap_mode="r", allow_pickle=False) for path in (work.features, work.mirrored))
    rows, validation = dataset.rows("train"), dataset.rows("validation")
    own = pooled[rows]
    views = (own, mirrored) if len(mirrored) else (own,)
    labels = dataset.category[rows], dataset.product[rows], len(dataset.categories)
    recipe = HeadRecipe(balance=settings.balance, smoothing=settings.smoothing)
    data = TrainingFeatures(views, *labels, None if teaching is None else teaching.lesson(rows, settings))
    dim = dimension(teaching)
    state = train_heads(data, dim, recipe, settings.seed, device)
    probe = train_heads(TrainingFeatures((own,), *labels), 0, PROBE, settings.seed, device)
    kept = blend(
        Linear.of(state),
        _labelled(pooled, dataset, "train"),
        _labelled(pooled, dataset, "validation"),
        settings.most_pooled,
    )
    state |= {f"embedding.{name}": value for name, value in kept.layer.state().items()}
    state |= unseen.train_folds(data, dim, recipe, settings.seed, device, kept.about["pooled_share"])
    heads = FrozenHeads(state | {key.replace("classifier.", PROBE_PREFIX): value for key, value in probe.items()})
    figures: dict[str, Any] = {name: dict.fromkeys(FIGURES) for name in ("heads", "probe")}
    if len(validation):
        seen = pooled[validation]
        embedding = heads.embedding(seen)
        figures["heads"] = figures_of(heads.logits(seen), embedding, dataset, validation)
        figures["probe"] = figures_of(heads.logits(seen, probe=True), embedding, dataset, validation)
        figures["probe"]["val_recall4"] = None  # it has no embedding
    heads.write(work.heads)
    write_json(about, {"validation": figures, "pooled": kept.about, "unseen": unseen.missing_because(data)})


def _labelled(pooled: Features, dataset: Dataset, split: str) -> LabelledFeatures:
    rows = dataset.rows(split)
    return LabelledFeatures(pooled[rows], dataset.category[rows], dataset.product[rows])
