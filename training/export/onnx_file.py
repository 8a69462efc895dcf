"""The network as an ONNX file, and whether that file answers as the network does."""

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import torch

from lambda_app.model import INPUT, OUTPUTS, Model, ModelOutput
from lambda_app.onnx_runtime import onnxruntime as ort
from lambda_app.photo.preprocessing import normalise
from training.dataset import Dataset
from training.errors import ExportError
from training.network.embedding_net import EmbeddingNet
from training.network.forward import Outputs, forward_rows

OPSET = 18
# Largest absolute differences that reordered float32 sums explain, with room for deep networks.
LOGIT_TOLERANCE = 1e-3
EMBEDDING_TOLERANCE = 1e-4


def write_onnx(model: EmbeddingNet, size: int, path: Path) -> None:
    """Write the network, in evaluation mode, beside `path`, then rename it into place.

    The file has the input `images` (n, 3, size, size) and the outputs `logits` and `embedding`; n is free. Batch-norm
    is folded into the convolutions before it, which every reader would else do at each load.
    """
    partial = path.with_name(f".{path.name}.partial")
    model = model.cpu().eval()
    example = torch.zeros(2, 3, size, size)
    with quietly():
        torch.onnx.export(
            model,
            (example,),
            partial,
            input_names=[INPUT],
            output_names=OUTPUTS,
            dynamic_shapes={"images": {0: torch.export.Dim("n", min=1)}},
            opset_version=OPSET,
            dynamo=True,
            external_data=False,
        )
    fold(partial)
    partial.replace(path)


def fold(path: Path) -> None:
    """Rewrite an ONNX file with ONNX Runtime's basic optimisations, which leave it a standard ONNX file."""
    folded = path.with_name(f"{path.name}.folded")
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(folded)
    options.log_severity_level = 3
    ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    folded.replace(path)


def opset_of(path: Path) -> int:
    """The version of the standard operator set that an ONNX file uses."""
    imports = onnx.load(path, load_external_data=False).opset_import
    return int(next(entry.version for entry in imports if entry.domain in ("", "ai.onnx")))


def answers(model: Model, dataset: Dataset, rows: npt.NDArray[np.int64], batch: int = 64) -> ModelOutput:
    """What the serving code answers for rows of a dataset, all in memory."""
    parts = [
        model.run(normalise(dataset.photos[rows[start : start + batch]], dataset.preprocessing))
        for start in range(0, len(rows), batch)
    ]
    return ModelOutput(
        np.concatenate([part.logits for part in parts]), np.concatenate([part.embedding for part in parts])
    )


def check_parity(model: EmbeddingNet, path: Path, dataset: Dataset, rows: npt.NDArray[np.int64]) -> dict[str, float]:
    """Compare the file, run by the serving code, with the network on real photos.

    Returns:
        The largest absolute differences, by output.

    Raises:
        ExportError: one is over its limit; names it.
    """
    expected: Outputs = forward_rows(model, dataset, rows, len(rows))
    found = answers(Model(path), dataset, rows)
    differences = {
        "logits": float(np.abs(found.logits - expected.logits).max()),
        "embedding": float(np.abs(found.embedding - expected.embedding).max()),
    }
    scale = max(1.0, float(np.abs(expected.logits).max()))
    for name, limit in (("logits", LOGIT_TOLERANCE * scale), ("embedding", EMBEDDING_TOLERANCE)):
        if not differences[name] <= limit:
            raise ExportError(
                f"{path.name} differs from the trained network on {len(rows)} photos: {name} by up to "
                f"{differences[name]:.2g}, the limit is {limit:.2g}"
            )
    return differences


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Silence libraries that talk of their own internals on stdout, in logs and in warnings."""
    before = logging.root.manager.disable
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        logging.disable(logging.WARNING)
        try:
            yield
        finally:
            logging.disable(before)
