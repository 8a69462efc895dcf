"""Export the network to an ONNX file, and check that the file gives the same outputs as the network."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx

from lambda_app.model.session import OUTPUTS, Model, ModelOutput
from lambda_app.photo.preprocessing import normalise
from training.dataset import Dataset
from training.errors import ExportError
from training.network.embedding_net import EmbeddingNet
from training.network.forward import Outputs, forward_rows
from training.network.onnx_graph import export_graph

# Limits of the absolute differences. A different order of float32 sums explains less, even in deep networks.
LOGIT_TOLERANCE = 1e-3
EMBEDDING_TOLERANCE = 1e-4


def write_onnx(model: EmbeddingNet, size: int, path: Path) -> None:
    """Export the network in evaluation mode to `path`, atomically (temporary file, then rename).

    The file has the input `images` (n, 3, size, size) and the outputs `logits` and `embedding`; n is dynamic.
    Batch-norm layers are folded into the convolutions before them, so that this is not repeated at every load. Parallel
    branches that only help training are merged into one convolution.
    """
    partial = path.with_name(f".{path.name}.partial")
    export_graph(model.cpu().eval().merged(), size, OUTPUTS, partial)
    remove_notes(partial)
    partial.replace(path)


def remove_notes(path: Path) -> None:
    """Remove the exporter's notes from a file: stack traces with the paths of the machine that trained the network.

    They would be published with every release, and the file would depend on the folder of the checkout.
    """
    model = onnx.load(path)
    for message in (model.graph, *model.graph.node, *model.graph.value_info, *model.graph.input, *model.graph.output):
        del message.metadata_props[:]
        message.doc_string = ""
    onnx.save(model, path)


def opset_of(path: Path) -> int:
    """The version of the standard operator set (opset) of an ONNX file."""
    imports = onnx.load(path, load_external_data=False).opset_import
    return int(next(entry.version for entry in imports if entry.domain in ("", "ai.onnx")))


def predict(model: Model, dataset: Dataset, rows: npt.NDArray[np.int64], batch: int = 64) -> ModelOutput:
    """The model's outputs for rows of a dataset, computed by the serving code; all in memory."""
    parts = [
        model.run(normalise(dataset.photos[rows[start : start + batch]], dataset.preprocessing))
        for start in range(0, len(rows), batch)
    ]
    return ModelOutput(
        np.concatenate([part.logits for part in parts]), np.concatenate([part.embedding for part in parts])
    )


def check_parity(model: EmbeddingNet, path: Path, dataset: Dataset, rows: npt.NDArray[np.int64]) -> dict[str, float]:
    """Compare the outputs of the file, run by the serving code, with those of the network on real photos.

    Returns:
        The largest absolute difference of each output.

    Raises:
        ExportError: a difference exceeds its limit; the message names the output.
    """
    expected: Outputs = forward_rows(model, dataset, rows, len(rows))
    found = predict(Model(path), dataset, rows)
    differences = {
        "logits": float(np.abs(found.logits - expected.logits).max()),
        "embedding": float(np.abs(found.embedding - expected.embedding).max()),
    }
    scale = max(1.0, float(np.abs(expected.logits).max()))
    for name, limit in (("logits", LOGIT_TOLERANCE * scale), ("embedding", EMBEDDING_TOLERANCE)):
        if not differences[name] <= limit:
            raise ExportError(
                f"{path.name} differs from the trained network on {len(rows)} photos: the largest difference of "
                f"{name} is {differences[name]:.2g}, the limit is {limit:.2g}"
            )
    return differences
