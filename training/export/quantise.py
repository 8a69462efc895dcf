"""Static int8 quantisation of the network, calibrated on training photos."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx

from lambda_app.model.onnx_runtime import onnxruntime  # noqa: F401 - its telemetry is off from here on

# isort: split
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)

from lambda_app.model.session import INPUT
from lambda_app.photo.preprocessing import normalise
from training.dataset import Dataset
from training.network.onnx_graph import silence_libraries

_BATCH = 16
# The heads stay in float32: they are about 0.1 % of the work, and similarities depend on small differences in outputs.
_QUANTISED = ["Conv", "Add", "MaxPool", "Concat", "Relu", "Clip", "Mul"]
# A network with layer norms, such as a transformer, has a few activations that are many times larger than the others.
# One scale for all of them loses the others. So only the products with weights are quantised there, not the sums
# between them. (With all of the above, embeddings of a ViT-Ti with random weights had a cosine of 0.82 with float32's,
# instead of 0.998.) Ranges of each batch would be faster, but then a photo's embedding depends on its batch.
_QUANTISED_WITH_LAYER_NORM = ["Conv", "MatMul"]


def quantise(source: Path, target: Path, dataset: Dataset, rows: npt.NDArray[np.int64]) -> None:
    """Write an int8 copy of an ONNX file to `target`, atomically (temporary file, then rename).

    Args:
        source: float32 ONNX file with folded batch-norm.
        target: the file to write: int8 weights with per-channel scales, uint8 activations, QDQ format.
        dataset, rows: calibration photos; their activations determine the ranges.
    """
    partial = target.with_name(f".{target.name}.partial")
    kinds, kept = _choice(onnx.load(source).graph)
    with silence_libraries():
        quantize_static(
            source,
            partial,
            _Photos(dataset, rows),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=kinds,
            nodes_to_exclude=kept,
            per_channel=True,
            # 7-bit weights: x86 CPUs without VNNI add pairs of products in 16 bits, which overflow with 8-bit weights.
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
        )
    partial.replace(target)


def _choice(graph: onnx.GraphProto) -> tuple[list[str], list[str]]:
    """The kinds of operators to quantise, and the names of those of that kind that stay in float32."""
    if not any(node.op_type == "LayerNormalization" for node in graph.node):
        return _QUANTISED, []
    weights = {tensor.name for tensor in graph.initializer}
    # Attention multiplies activations with activations. Quantised, these small products are slower than in float32.
    without_weights = [node.name for node in graph.node if node.op_type == "MatMul" and not weights & set(node.input)]
    return _QUANTISED_WITH_LAYER_NORM, without_weights


class _Photos(CalibrationDataReader):  # type: ignore[misc]
    """Gives normalised photos to the calibration, batch by batch."""

    def __init__(self, dataset: Dataset, rows: npt.NDArray[np.int64]) -> None:
        self._batches = self._read(dataset, rows)

    def get_next(self) -> dict[str, npt.NDArray[np.float32]] | None:
        return next(self._batches, None)

    @staticmethod
    def _read(dataset: Dataset, rows: npt.NDArray[np.int64]) -> Iterator[dict[str, npt.NDArray[np.float32]]]:
        for start in range(0, len(rows), _BATCH):
            yield {INPUT: normalise(dataset.photos[rows[start : start + _BATCH]], dataset.preprocessing)}
