"""The network, as an ONNX Runtime session: normalised images in, logits and embeddings out."""

import threading
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lambda_app.errors import OverdueError, ReleaseError
from lambda_app.model.onnx_runtime import onnxruntime as ort

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

    def __init__(self, path: Path, *, threads: int = 0, seconds: float = 0.0) -> None:
        """Open the session.

        Args:
            path: the `.onnx` file.
            threads: number of threads of one forward pass; 0: ONNX Runtime decides (all cores).
            seconds: how long one forward pass may take; 0: no limit.

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
        self._seconds = seconds
        self.classes = _last_dimension(path, shapes, "logits")
        self.embedding_dim = _last_dimension(path, shapes, "embedding")

    def run(self, images: npt.NDArray[np.float32]) -> ModelOutput:
        """Run one forward pass.

        Args:
            images: float32 (n, 3, size, size), normalised.

        Raises:
            OverdueError: it took longer than the limit, between two operators or within a loop. One operator that
                takes long is not interrupted.
        """
        options = _WATCHDOG.begin(self._seconds) if self._seconds else None
        try:
            logits, embedding = self._session.run(OUTPUTS, {INPUT: images}, options)
        except Exception as exc:  # the only common base class of onnxruntime's errors
            if options is not None and options.terminate:
                raise OverdueError(f"a forward pass took longer than {self._seconds:g} s and was ended") from exc
            raise
        finally:
            _WATCHDOG.end(options)
        return ModelOutput(logits, embedding)

    def try_size(self, size: int) -> None:
        """Run one forward pass of a black photo.

        Raises:
            OverdueError: it took longer than the limit.
            ReleaseError: the model does not take photos of this size.
        """
        try:
            self.run(np.zeros((1, 3, size, size), np.float32))
        except OverdueError:
            raise
        except Exception as exc:  # the only common base class of onnxruntime's errors
            raise ReleaseError(f"the model does not take photos of {size} x {size} pixels: {exc}") from exc


class _Watchdog:
    """Ends forward passes at their deadline. One thread serves all of them; it starts with the first pass.

    A timer for each pass would start a thread for each photo. Here a pass costs a few microseconds: the thread sleeps
    until the earliest deadline that it knows, whatever began or ended since.
    """

    def __init__(self) -> None:
        self._passes: dict[int, tuple[float, ort.RunOptions]] = {}
        self._changed = threading.Condition()
        self._wakes = -float("inf")  # when the thread looks again; it has not begun
        self._started = False

    def begin(self, seconds: float) -> ort.RunOptions:
        """Options for a pass that ends in so many seconds."""
        options = ort.RunOptions()
        deadline = time.monotonic() + seconds
        with self._changed:
            self._passes[id(options)] = (deadline, options)
            if not self._started:
                self._started = True
                threading.Thread(target=self._watch, name="forward-watchdog", daemon=True).start()
            elif deadline < self._wakes:
                self._changed.notify()
        return options

    def end(self, options: ort.RunOptions | None) -> None:
        """The pass with these options has ended."""
        with self._changed:
            self._passes.pop(id(options), None)

    def _watch(self) -> None:
        with self._changed:
            while True:
                now = time.monotonic()
                for key in [key for key, (deadline, _) in self._passes.items() if deadline <= now]:
                    self._passes.pop(key)[1].terminate = True
                self._wakes = min((deadline for deadline, _ in self._passes.values()), default=float("inf"))
                self._changed.wait(None if self._wakes == float("inf") else self._wakes - now)


_WATCHDOG = _Watchdog()


def _last_dimension(path: Path, shapes: dict[str, list[object]], output: str) -> int:
    dimension = shapes[output][-1] if shapes[output] else None
    if not isinstance(dimension, int):
        raise ReleaseError(f"{path.name}: the last dimension of {output} is {dimension!r}, not a fixed number")
    return dimension
