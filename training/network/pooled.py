"""The pooled features of a backbone for the photos of a dataset, in a file: float32 (n, width).

On a CPU, ONNX Runtime computes them several times as fast as torch. The export to ONNX takes about as long as a few
hundred photos, so torch computes fewer photos, and all photos on a GPU.
"""

import logging
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from lambda_app.model.onnx_runtime import onnxruntime as ort
from lambda_app.model.session import INPUT
from lambda_app.photo.preprocessing import normalise
from lambda_app.photo.rules import Preprocessing
from training.dataset import Dataset
from training.network.embedding_net import EmbeddingNet, device_of
from training.network.forward import Outputs
from training.network.input import to_input
from training.network.onnx_graph import export_graph
from training.pipeline.disk import reserve
from training.pipeline.progress import track

log = logging.getLogger(__name__)

Photos = npt.NDArray[np.uint8]
Features = npt.NDArray[np.float32]
Forward = Callable[[Photos], Features]

_BATCH = 64
# With fewer photos, torch is faster than the export.
EXPORTED_FROM = 500
# The largest difference between ONNX Runtime and torch, as a share of the largest feature.
_TOLERANCE = 1e-3
_OUTPUT = "pooled"


def write_pooled(
    forward: Forward, dataset: Dataset, rows: npt.NDArray[np.int64], width: int, path: Path, *, mirrored: bool = False
) -> None:
    """Write the pooled features of these rows to `path`, atomically (temporary file, then rename).

    Args:
        forward: uint8 (n, size, size, 3) -> pooled features, float32 (n, width): see `forward_of`.
        rows: int64 (n,), rows of the dataset, in the order of the file.
        mirrored: whether left and right of the photos are exchanged.

    Raises:
        DiskFullError: the file does not fit on the disk.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        found = np.lib.format.open_memmap(partial, "w+", np.float32, (len(rows), width))
        reserve(partial)
        starts = range(0, len(rows), _BATCH)
        for start in track(starts, len(starts), "mirrored features" if mirrored else "features", "batch"):
            photos = dataset.photos[rows[start : start + _BATCH]]
            found[start : start + len(photos)] = forward(photos[:, :, ::-1] if mirrored else photos)
        found.flush()
        del found
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def forward_of(model: EmbeddingNet, dataset: Dataset, device: torch.device, photos: int) -> Iterator[Forward]:
    """The fastest way to compute pooled features on this machine.

    Args:
        model: the network; it may move to another device.
        photos: how many photos will be computed.
    """
    rules = dataset.preprocessing
    if device.type == "cuda" or photos < EXPORTED_FROM:
        yield _by_torch(model, rules, device)
        return
    with tempfile.TemporaryDirectory(prefix="lookalike-features-") as folder:
        yield _by_onnx(model, dataset, Path(folder) / "backbone.onnx") or _by_torch(model, rules, device)


@contextmanager
def outputs_of(
    model: EmbeddingNet, dataset: Dataset, device: torch.device, photos: int
) -> Iterator[Callable[[Photos], Outputs]]:
    """The fastest way to compute all outputs of a network on this machine; for the arguments see `forward_of`."""
    with forward_of(model, dataset, device, photos) as forward:
        yield lambda batch: outputs_from(model, forward(batch))


def outputs_from(model: EmbeddingNet, pooled: Features) -> Outputs:
    """The outputs of a network for photos with these pooled features, float32 (n, width)."""
    with torch.inference_mode():
        found = torch.from_numpy(np.array(pooled)).to(device_of(model))
        logits, embedding = model.eval().heads(found)
    return Outputs(logits.cpu().numpy(), embedding.cpu().numpy(), pooled)


def _by_torch(model: EmbeddingNet, rules: Preprocessing, device: torch.device) -> Forward:
    model.to(device, memory_format=torch.channels_last).eval()  # type: ignore[call-overload]

    def forward(photos: Photos) -> Features:
        with torch.inference_mode():
            images = to_input(torch.from_numpy(np.array(photos)).to(device), rules)
            return model.features(images.contiguous(memory_format=torch.channels_last)).float().cpu().numpy()

    return forward


def _by_onnx(model: EmbeddingNet, dataset: Dataset, path: Path) -> Forward | None:
    """The backbone in ONNX Runtime; None, with a log line, if it cannot be exported or gives other features."""
    by_torch = _by_torch(model, dataset.preprocessing, torch.device("cpu"))
    try:
        export_graph(model.cpu().eval().merged().backbone, dataset.preprocessing.size, [_OUTPUT], path)
    except Exception as exc:  # the errors of the exporter have no common base class
        log.info("%s cannot be exported (%s), so torch computes its features", model.name, type(exc).__name__)
        return None
    options = ort.SessionOptions()
    options.log_severity_level = 3
    # Without busy waiting between operators, which takes the time of other work on the machine.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def forward(photos: Photos) -> Features:
        images = normalise(np.ascontiguousarray(photos), dataset.preprocessing)
        found: Features = session.run([_OUTPUT], {INPUT: images})[0]
        return found

    tried = np.array(dataset.photos[:2])
    expected = by_torch(tried)
    if not np.abs(forward(tried) - expected).max() <= _TOLERANCE * max(1.0, float(np.abs(expected).max())):
        log.info("%s gives other features in ONNX Runtime, so torch computes them", model.name)
        return None
    return forward
