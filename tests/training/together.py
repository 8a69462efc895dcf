"""A short training and an embedding, by one process or by several that each run `main` and do a part.

Batch-norm is frozen, because torch synchronises it over several processes only on GPUs.
"""

import json
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from lambda_app.model.session import ModelOutput
from training.dataset import Dataset
from training.fit.settings import FitSettings
from training.fit.trainer import Trainer
from training.index.embedding import embed_rows
from training.network.forward import forward_rows
from training.pipeline.world import World, process_group

# Plain gradient descent keeps rounding differences small; the division in adamw would magnify them.
SETTINGS = FitSettings(
    backbone="resnet10_half", weights="none", epochs=2, batch=18, optimiser="sgd", lr=0.02, ema=0.9, altered=0.3
)


def train(dataset: Dataset, world: World, result: Path) -> None:
    """Train; the leading process writes the result."""
    trainer = Trainer(dataset, SETTINGS, torch.device("cpu"), world)
    for module in trainer.model.modules():
        if isinstance(module, (torch.nn.BatchNorm1d, torch.nn.BatchNorm2d)):
            module.register_forward_pre_hook(lambda norm, _: norm.eval() and None)
    figures = []
    for _ in range(SETTINGS.epochs):
        trained = trainer.train_epoch(iter(()))
        assert trained is not None
        figures.append(trained | trainer.validate())
    rows = np.arange(len(dataset.photos))

    def answer(part: slice) -> ModelOutput:
        found = forward_rows(trainer.eval_model, dataset, rows[part], SETTINGS.batch)
        return ModelOutput(found.logits, found.embedding)

    embed_rows(answer, len(rows), (len(dataset.categories), 256), result, "this", world, batch=3)
    if world.is_leader:
        save_file(
            {name: value.contiguous() for name, value in trainer.eval_model.state_dict().items()},
            result / "weights.safetensors",
        )
        (result / "figures.json").write_text(json.dumps(figures))


def main(argv: Sequence[str]) -> None:
    """Train on the dataset argv[0]; leave `weights.safetensors` and `figures.json` in argv[1]."""
    with process_group(os.environ) as world:
        train(Dataset.open(Path(argv[0])), world, Path(argv[1]))
