"""The network: an ONNX Runtime session from normalised images to logits and embeddings."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lambda_app.errors import ReleaseError
from lambda_app.onnx_runtime import onnxruntime as ort

INPUT = "images"
OUTPUTS = ["logits", "embedding"]


@dataclass(frozen=True)
class ModelOutput:
    """What one forward pass gives.

    Attributes:
        logits: float32 (n, classes).
        embedding: float32 (n, d), L2-normalised.
    """

    logits: npt.NDArray[np.float32]
    embedding: npt.NDArray[np.float32]


class Model:
    """A loaded ONNX model. `run` may be called from several threads at once."""

    def __init__(self, path: Path, *, threads: int = 0) -> None:
        """Open the session.

        Args:
            path: the `.onnx` file.
            threads: of one forward pass; 0 leaves the number to ONNX Runtime (all cores).

        Raises:
            ReleaseError: the file is no ONNX model, or its inputs and outputs are not those of a release.
        """
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # Threads that spin between operators burn the neighbour's share of a Lambda's fraction of a core.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as exc:  # onnxruntime's errors share no base class but Exception
            raise ReleaseError(f"{path.name} does not load as an ONNX model: {exc}") from exc
        inputs = [node.name for node in self._session.get_inputs()]
        shapes = {node.name: node.shape for node in self._session.get_outputs()}
        if inputs != [INPUT] or not set(OUTPUTS) <= set(shapes):
            raise ReleaseError(
                f"{path.name} has inputs {inputs} and outputs {sorted(shapes)}; "
                f"a release's model has {[INPUT]} and {OUTPUTS}"
            )
        # (n, channels, height, width); a name or None in place of a free dimension.
        self.input_shape: tuple[int | str | None, ...] = tuple(self._session.get_inputs()[0].shape)
        self.classes = _last_dimension(path, shapes, "logits")
        self.embedding_dim = _last_dimension(path, shapes, "embedding")

    def run(self, images: npt.NDArray[np.float32]) -> ModelOutput:
        """One forward pass.

        Args:
            images: float32 (n, 3, size, size), normalised.
        """
        logits, embedding = self._session.run(OUTPUTS, {INPUT: images})
        return ModelOutput(logits, embedding)


def _last_dimension(path: Path, shapes: dict[str, list[object]], output: str) -> int:
    dimension = shapes[output][-1] if shapes[output] else None
    if not isinstance(dimension, int):
        raise ReleaseError(f"{path.name}: the last dimension of {output} is {dimension!r}, not a fixed number")
    return dimension
