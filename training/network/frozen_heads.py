"""The heads that were trained on the pooled features of the starting weights: their file, and their outputs."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import safetensors.torch
from torch import Tensor

from lambda_app.model.session import ModelOutput
from lambda_app.search.vectors import unit
from training.network.embedding_net import EmbeddingNet
from training.network.weights_file import read_file

Array = npt.NDArray[np.float32]
PROBE = "probe."
_BLOCK = 4096


class FrozenHeads:
    """Linear heads for pooled features.

    Args:
        state: classifier.weight (classes, width), classifier.bias, embedding.weight (d, width), embedding.bias;
            probe.weight and probe.bias, those of the linear probe;
            unseen.fold, int64 (classes,), and for each fold of categories an embedding that was trained without them:
            unseen.N.weight, unseen.N.bias.
    """

    def __init__(self, state: Mapping[str, Tensor]) -> None:
        self.state = dict(state)

    @classmethod
    def read(cls, path: Path) -> "FrozenHeads":
        """The heads in a file.

        Raises:
            WeightsError: it does not load.
        """
        return cls(read_file(path))

    def write(self, path: Path) -> None:
        """Write them, atomically (temporary file, then rename)."""
        partial = path.with_name(f".{path.name}.partial")
        safetensors.torch.save_file({key: value.contiguous() for key, value in self.state.items()}, partial)
        partial.replace(path)

    def load_into(self, model: EmbeddingNet) -> None:
        """Replace the heads of a network, in place."""
        for name in ("classifier", "embedding"):
            head = {key.removeprefix(f"{name}."): value for key, value in self.state.items() if key.startswith(name)}
            getattr(model, name).load_state_dict(head)

    def logits(self, pooled: Array, *, probe: bool = False) -> Array:
        """Pooled features (n, width) -> logits (n, classes), float32; of the linear probe if `probe` is set."""
        return self._applied("probe" if probe else "classifier", pooled)

    def embedding(self, pooled: Array) -> Array:
        """Pooled features (n, width) -> L2-normalised embedding (n, d), float32."""
        return unit(self._applied("embedding", pooled))

    def outputs(self, pooled: Array) -> ModelOutput:
        """Pooled features (n, width) -> the outputs of the network with these heads."""
        return ModelOutput(self.logits(pooled), self.embedding(pooled))

    def folds(self) -> npt.NDArray[np.int64]:
        """The fold of each category, int64 (classes,)."""
        found: npt.NDArray[np.int64] = self.state["unseen.fold"].numpy()
        return found

    def unseen(self, pooled: Array, fold: int) -> Array:
        """Like `embedding`, by the embedding that was trained without the categories of a fold."""
        return unit(self._applied(f"unseen.{fold}", pooled))

    def _applied(self, name: str, pooled: Array) -> Array:
        weight, bias = (self.state[f"{name}.{part}"].numpy() for part in ("weight", "bias"))
        # In blocks, because the features may be a memory-mapped file that is larger than the memory.
        return np.concatenate([block @ weight.T + bias for block in _blocks(pooled)]).astype(np.float32)


def _blocks(pooled: Array) -> Iterator[Array]:
    for start in range(0, max(1, len(pooled)), _BLOCK):
        yield pooled[start : start + _BLOCK]
