"""What the features of a pretrained backbone are good for, without training it: a linear classifier and neighbours."""

import logging

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional as F

from lambda_app.model.session import Model
from training.dataset import Dataset
from training.errors import WeightsError
from training.export.onnx_file import predict
from training.metrics import retrieval
from training.network.backbone import backbone_of
from training.network.embedding_net import EmbeddingNet
from training.network.weights import start_from

log = logging.getLogger(__name__)


def features_network(name: str, size: int) -> EmbeddingNet | None:
    """A network with pretrained weights whose embedding is its pooled features; None if the weights do not load."""
    source = backbone_of(name, "imagenet")
    width = source.build(size).width
    network = EmbeddingNet(source, 2, width, size)
    with torch.no_grad():
        network.embedding.weight.copy_(torch.eye(width))
        network.embedding.bias.zero_()
    try:
        start_from(network, "imagenet", ("a", "b"))
    except WeightsError as exc:
        log.info("no accuracy of %s: %s", name, exc)
        return None
    return network.eval()


def quality(model: Model, dataset: Dataset) -> dict[str, float | None]:
    """What the features are good for, on the test split.

    Returns:
        accuracy of a linear classifier on the features of the training split; category_precision@4 and recall@4 of the
        neighbours among all photos (recall is None if no product has two photos).
    """
    features = predict(model, dataset, np.arange(len(dataset.photos))).embedding
    train, test = dataset.rows("train"), dataset.rows("test")
    logits = probe(features[train], dataset.category[train], features[test], len(dataset.categories))
    near = retrieval.retrieval(features, dataset.product, dataset.category, test)
    return {
        "accuracy": retrieval.accuracy(logits, dataset.category[test]),
        "category_precision@4": near["category_precision@4"],
        "recall@4": near["recall@4"],
    }


def probe(
    known: npt.NDArray[np.float32], labels: npt.NDArray[np.int64], asked: npt.NDArray[np.float32], classes: int
) -> npt.NDArray[np.float32]:
    """Logits for `asked` (m, d) by a linear classifier that is fitted to `known` (n, d), with weight decay."""
    mean, std = known.mean(axis=0), known.std(axis=0) + 1e-6
    inputs, targets = torch.from_numpy((known - mean) / std), torch.from_numpy(labels)
    linear = torch.nn.Linear(inputs.shape[1], classes)
    torch.nn.init.zeros_(linear.weight)
    optimiser = torch.optim.LBFGS(linear.parameters(), max_iter=100, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        loss = F.cross_entropy(linear(inputs), targets) + 1e-2 * linear.weight.square().sum()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimiser.step(closure)  # type: ignore[no-untyped-call]
    with torch.no_grad():
        logits: npt.NDArray[np.float32] = linear(torch.from_numpy((asked - mean) / std)).numpy()
    return logits
