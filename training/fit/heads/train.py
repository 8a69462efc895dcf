"""Train the heads alone, on pooled features that are computed once: seconds instead of hours.

The features are standardised, and this is folded into the weights of the heads at the end. So the result are ordinary
linear heads for the pooled features of the network. A linear classifier on the same features, the linear probe, is
trained beside them for comparison (Alain and Bengio 2016, "Understanding intermediate layers using linear classifier
probes").
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.fit.heads.losses import TrainingLoss, balanced_weights
from training.fit.heads.teaching import Lesson, taught_by
from training.fit.input.identities import identity_labels
from training.fit.input.sampler import batches_per_epoch, pair_batches
from training.network.embedding_net import parameter_groups

Features = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]

_BATCH = 256
# A large dataset gets fewer epochs. So training takes minutes at most, however many photos there are.
_MOST_STEPS = 20_000
_SMALLEST_STD = 1e-6


@dataclass(frozen=True)
class HeadRecipe:
    """How linear heads are trained on features: AdamW with a learning rate of one cycle (Smith and Topin 2018).

    Attributes:
        lr: highest learning rate.
        decay: weight decay of AdamW.
        dropout: share of the features that are set to zero in a step.
        smoothing: label smoothing.
        metric_weight: factor of the metric loss; with 0 there is no embedding.
        balance: see the setting of that name.
        epochs: passes over the photos.
    """

    lr: float = 5e-3
    decay: float = 0.1
    dropout: float = 0.5
    smoothing: float = 0.1
    metric_weight: float = 0.2
    balance: float = 0.0
    epochs: int = 60


PROBE = HeadRecipe(dropout=0.0, smoothing=0.0, metric_weight=0.0)


@dataclass(frozen=True)
class TrainingFeatures:
    """The pooled features of the training photos.

    Attributes:
        views: float32 (n, width) each, of the same photos: as they are, mirrored. They may be memory-mapped.
        categories: int64 (n,).
        products: int64 (n,).
        classes: number of categories.
        lesson: what the heads learn from a teacher; None: nothing.
    """

    views: Sequence[Features]
    categories: Labels
    products: Labels
    classes: int
    lesson: Lesson | None = None


def train_heads(
    data: TrainingFeatures, dim: int, recipe: HeadRecipe, seed: int, device: torch.device
) -> dict[str, Tensor]:
    """Train a classifier and an embedding.

    Args:
        dim: dimension d of the embedding; 0: a classifier alone.

    Returns:
        State dict for pooled features, on the CPU: classifier.weight (classes, width), classifier.bias,
        embedding.weight (d, width), embedding.bias.
    """
    with _one_thread():
        return _train(data, dim, recipe, seed, device)


def _train(data: TrainingFeatures, dim: int, recipe: HeadRecipe, seed: int, device: torch.device) -> dict[str, Tensor]:
    torch.manual_seed(seed)
    mean, scale = _standard(data.views[0], device)
    heads = _Heads(data.views[0].shape[1], data.classes, dim).to(device)
    identities = identity_labels(data.products, data.categories)
    weights = torch.from_numpy(balanced_weights(data.categories, data.classes, recipe.balance))
    loss_of = TrainingLoss(recipe.smoothing, recipe.metric_weight if dim else 0.0, weights).to(device)
    steps = batches_per_epoch(len(data.categories), _BATCH)
    epochs = max(1, min(recipe.epochs, _MOST_STEPS // steps))
    optimiser = torch.optim.AdamW(parameter_groups(heads, recipe.decay), lr=recipe.lr)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimiser, recipe.lr, total_steps=epochs * steps)
    by_category = data.categories if identities.kind == "product" else None
    for epoch in range(epochs):
        rng = np.random.default_rng((seed, epoch))
        for batch in pair_batches(identities.labels, _BATCH, rng, by_category):
            drawn = rng.integers(0, len(data.views), len(batch))
            pooled = (torch.from_numpy(_drawn(data.views, batch, drawn)).to(device) - mean) / scale
            logits, embedding = heads(F.dropout(pooled, recipe.dropout))
            labels = [torch.from_numpy(of[batch]).to(device) for of in (data.categories, identities.labels)]
            loss = loss_of(logits, embedding, *labels)
            if data.lesson is not None:
                outputs, alike = (torch.from_numpy(of).to(device) for of in (data.lesson.outputs[batch], drawn == 0))
                loss = loss + data.lesson.loss(logits, embedding, taught_by(outputs, data.classes, alike))
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            rate.step()
    return heads.folded(mean, scale)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Torch on one thread. The products are small: beside other work, two threads were many times slower than one."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class _Heads(nn.Module):
    """The heads of an `EmbeddingNet`, alone."""

    def __init__(self, width: int, classes: int, dim: int) -> None:
        super().__init__()
        self.classifier = nn.Linear(width, classes)
        self.embedding = nn.Linear(width, dim) if dim else None

    def forward(self, pooled: Tensor) -> tuple[Tensor, Tensor]:
        """(n, width) -> logits (n, classes), embedding (n, d)."""
        embedding = pooled[:, :0] if self.embedding is None else F.normalize(self.embedding(pooled), dim=1)
        return self.classifier(pooled), embedding

    @torch.no_grad()
    def folded(self, mean: Tensor, scale: Tensor) -> dict[str, Tensor]:
        """The state dict for features that are not standardised."""
        state: dict[str, Tensor] = {}
        for name, layer in self.named_children():
            weight, bias = layer.get_parameter("weight") / scale, layer.get_parameter("bias")
            state |= {f"{name}.weight": weight.cpu(), f"{name}.bias": (bias - weight @ mean).cpu()}
        return state


def _standard(features: Features, device: torch.device) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each feature, float32 (width,); 1 for a feature that is constant."""
    mean, square, block = 0.0, 0.0, 4096  # in blocks, because the features may be larger than the memory
    for start in range(0, len(features), block):
        part = features[start : start + block].astype(np.float64)
        mean, square = mean + part.sum(axis=0), square + (part**2).sum(axis=0)
    mean, square = mean / len(features), square / len(features)
    std = np.sqrt(np.maximum(square - mean**2, 0.0))
    scale = np.where(std > _SMALLEST_STD, std, 1.0)
    return torch.tensor(mean, dtype=torch.float32).to(device), torch.tensor(scale, dtype=torch.float32).to(device)


def _drawn(views: Sequence[Features], batch: Labels, drawn: Labels) -> Features:
    """The features of a batch, of each photo the view of this number."""
    found = np.empty((len(batch), views[0].shape[1]), np.float32)
    for number, view in enumerate(views):
        chosen = drawn == number
        found[chosen] = view[batch[chosen]]
    return found
