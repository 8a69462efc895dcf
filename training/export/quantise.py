"""The network in eight bits: static quantisation, calibrated on training photos."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lambda_app.onnx_runtime import onnxruntime  # noqa: F401 - its telemetry is off from here on

# isort: split
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)

from lambda_app.model import INPUT
from lambda_app.photo.preprocessing import normalise
from training.dataset import Dataset
from training.export.onnx_file import quietly

_BATCH = 16
# The heads stay in float32: they are a thousandth of the work, and what they answer is compared digit by digit.
_QUANTISED = ["Conv", "Add", "MaxPool", "Concat", "Relu", "Clip", "Mul"]


def quantise(source: Path, target: Path, dataset: Dataset, rows: npt.NDArray[np.int64]) -> None:
    """Write an int8 copy of an ONNX file beside `target`, then rename it into place.

    Args:
        source: float32 ONNX file, batch-norm folded.
        target: where the copy goes: int8 weights by channel, uint8 activations, in QDQ form.
        dataset, rows: photos whose activations set the ranges.
    """
    partial = target.with_name(f".{target.name}.partial")
    with quietly():
        quantize_static(
            source,
            partial,
            _Photos(dataset, rows),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=_QUANTISED,
            per_channel=True,
            # Seven bits for weights: x86 without VNNI adds pairs of products in 16 bits, which eight would overflow.
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
        )
    partial.replace(target)


class _Photos(CalibrationDataReader):  # type: ignore[misc]
    """Hands normalised photos to the calibration, a batch at a time."""

    def __init__(self, dataset: Dataset, rows: npt.NDArray[np.int64]) -> None:
        self._batches = self._read(dataset, rows)

    def get_next(self) -> dict[str, npt.NDArray[np.float32]] | None:
        return next(self._batches, None)

    @staticmethod
    def _read(dataset: Dataset, rows: npt.NDArray[np.int64]) -> Iterator[dict[str, npt.NDArray[np.float32]]]:
        for start in range(0, len(rows), _BATCH):
            yield {INPUT: normalise(dataset.photos[rows[start : start + _BATCH]], dataset.preprocessing)}
