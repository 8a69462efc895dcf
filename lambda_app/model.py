"""The network, as an ONNX Runtime session: normalised images in, logits and embeddings out."""

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
    """The output of one forward pass.

    Attributes:
        logits: float32 (n, classes).
        embedding: float32 (n, d), L2-normalised.
    """

    logits: npt.NDArray[np.float32]
    embedding: npt.NDArray[np.float32]


class Model:
    """A loaded ONNX model. `run` is thread-safe."""

    def __init__(self, path: Path, *, threads: int = 0) -> None:
        """Open the session.

        Args:
            path: the `.onnx` file.
            threads: number of threads of one forward pass; 0: ONNX Runtime decides (all cores).

        Raises:
            ReleaseError: the file is not an ONNX model, or it has other inputs and outputs than a release's model.
        """
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # Without busy waiting between operators: idle threads would use up the CPU share of a small Lambda.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as exc:  # the only common base class of onnxruntime's errors
            raise ReleaseError(f"{path.name} does not load as an ONNX model: {exc}") from exc
        inputs = [node.name for node in self._session.get_inputs()]
        shapes = {node.name: node.shape for node in self._session.get_outputs()}
        if inputs != [INPUT] or not set(OUTPUTS) <= set(shapes):
            raise ReleaseError(
                f"{path.name} has inputs {inputs} and outputs {sorted(shapes)}; "
                f"a release's model has {[INPUT]} and {OUTPUTS}"
            )
        # (n, channels, height, width); a dynamic dimension is a name or None.
        self.input_shape: tuple[int | str | None, ...] = tuple(self._session.get_inputs()[0].shape)
        self.classes = _last_dimension(path, shapes, "logits")
        self.embedding_dim = _last_dimension(path, shapes, "embedding")

    def run(self, images: npt.NDArray[np.float32]) -> ModelOutput:
        """Run one forward pass.

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
