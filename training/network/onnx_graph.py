"""Export a network to an ONNX file, quietly, and with the graph that ONNX Runtime would make of it at each load."""

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from torch import nn

from lambda_app.model.onnx_runtime import onnxruntime as ort
from lambda_app.model.session import INPUT

OPSET = 18


def export_graph(network: nn.Module, size: int, outputs: Sequence[str], path: Path) -> None:
    """Export a network in evaluation mode; it moves to the CPU. The number of photos n of a batch is dynamic.

    Args:
        network: float32 (n, 3, size, size) to one tensor or several.
        outputs: a name for each of them.
    """
    example = torch.zeros(2, 3, size, size)
    with silence_libraries():
        torch.onnx.export(
            network.cpu().eval(),
            (example,),
            path,
            input_names=[INPUT],
            output_names=list(outputs),
            dynamic_shapes=({0: torch.export.Dim("n", min=1)},),
            opset_version=OPSET,
            dynamo=True,
            external_data=False,
        )
    optimise_graph(path)


def optimise_graph(path: Path) -> None:
    """Apply ONNX Runtime's basic graph optimisations to a file. It then still uses only standard ONNX operators.

    Batch-norm layers are folded into the convolutions before them.
    """
    optimised = path.with_name(f"{path.name}.optimised")
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(optimised)
    options.log_severity_level = 3
    ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    optimised.replace(path)


@contextlib.contextmanager
def silence_libraries() -> Iterator[None]:
    """Suppress the output of libraries on stdout, in logs and in warnings."""
    before = logging.root.manager.disable
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        logging.disable(logging.WARNING)
        try:
            yield
        finally:
            logging.disable(before)
