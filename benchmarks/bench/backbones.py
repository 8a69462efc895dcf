"""Backbones beside each other: work, bytes, time on one thread, and with --data what their features are good for.

    scripts/bench backbones
    .venv/bin/python -m benchmarks.bench.backbones --data DIR [--names tf_efficientnet_lite0 ...]

Time and bytes do not depend on the values of the weights, so they are measured with random ones. Accuracy does, so it
is measured only for backbones whose pretrained weights load here: a linear classifier on frozen features, and the
neighbours by these features, with the model that would be served.
"""

import argparse
import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.bench.frozen_features import features_network, quality
from benchmarks.bench.prepare import catalogue
from benchmarks.figures import machine, table
from benchmarks.figures.table import Report, Row, Spread, spread
from benchmarks.inputs.bench_release import VAR
from lambda_app.model.session import Model
from lambda_app.telemetry.formats import quiet_faiss
from training.dataset import Dataset
from training.export.onnx_file import write_onnx
from training.export.quantise import quantise
from training.network.backbone import backbone_of
from training.network.embedding_net import EmbeddingNet
from training.prepare.settings import PrepareSettings
from training.prepare.stage import prepare

log = logging.getLogger(__name__)
# The first one is the baseline of the others.
NAMES = (
    *("resnet50", "resnet18", "efficientnet_b0", "tf_efficientnet_lite0", "mobilenetv4_conv_small"),
    *("mobilenetv4_conv_medium", "fastvit_mci0", "convnext_tiny", "vit_small_patch16_224"),
    *("vit_base_patch16_clip_224.openai", "vit_base_patch16_siglip_224"),
)
QUICK_NAMES = ("resnet18", "mobilenetv4_conv_small")
PHOTOS, CALIBRATION = 64, 32
ROUNDS, QUICK_ROUNDS = 15, 3
LOADS = 3
_LIBRARY_LICENCE = "bsd-3-clause (torchvision)"


@dataclass(frozen=True)
class Measured:
    """The figures of one backbone.

    Attributes:
        multiply_adds: of one forward pass, in billions.
        milliseconds, load: by precision: one forward pass on one thread; opening the session, in ms.
        megabytes: of the ONNX file, by precision.
        quality: by precision, see `quality`; empty if it was not measured.
    """

    name: str
    size: int
    multiply_adds: float
    milliseconds: dict[str, Spread]
    load: dict[str, Spread]
    megabytes: dict[str, float]
    licence: str
    quality: dict[str, dict[str, float | None]]


def run(quick: bool) -> Report:
    """Measure the backbones in turn, on photos of a generated catalogue."""
    found = measure(QUICK_NAMES if quick else NAMES, QUICK_ROUNDS if quick else ROUNDS, None)
    return report(found)


def measure(names: Iterable[str], rounds: int, data: Path | None) -> list[Measured]:
    """The figures of each backbone. With `data`, also what its features are good for, if its weights load here."""
    found: list[Measured] = []
    for name in names:
        found.append(_measure(name, rounds, data))
        log.info("%s", markdown(found)[-1])
    return found


def report(found: Sequence[Measured]) -> Report:
    """A row for each time, beside that of the first backbone; the notes hold the table of all figures."""
    first = found[0]
    rows = [
        Row(f"{each.name} at {each.size}, {precision}: ms", each.milliseconds[precision], first.milliseconds[precision])
        for each in found
        for precision in ("int8", "float32")
    ]
    notes = [f"baseline: {first.name}; one thread, one photo; random weights where none load here", *markdown(found)]
    return Report(rows, notes)


def markdown(found: Sequence[Measured]) -> list[str]:
    """The figures as the lines of a table in Markdown. What was not measured is named so.

    Times are the shortest, because other work on the machine can only make them longer.
    """
    lines = [
        "| backbone | size | billion multiply-adds | MB int8 / float32 | ms int8 / float32 | load, ms int8 | accuracy "
        "int8 / float32 | category precision@4 | recall@4 | licence of the weights |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for each in found:
        accuracy, precision4, recall4 = (
            _pair([each.quality[kind][figure] for kind in ("int8", "float32")] if each.quality else [])
            for figure in ("accuracy", "category_precision@4", "recall@4")
        )
        lines.append(
            f"| `{each.name}` | {each.size} | {each.multiply_adds:.2f} "
            f"| {each.megabytes['int8']:.1f} / {each.megabytes['float32']:.1f} "
            f"| {each.milliseconds['int8'].low:.1f} / {each.milliseconds['float32'].low:.1f} "
            f"| {each.load['int8'].low:.0f} | {accuracy} | {precision4} | {recall4} | {each.licence} |"
        )
    return lines


def _pair(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    return " / ".join(f"{value:.3f}" for value in known) if known else "not measured"


def _measure(name: str, rounds: int, data: Path | None) -> Measured:
    settings = PrepareSettings(backbone=name)
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        dataset = _dataset(data or catalogue(PHOTOS), settings)
        network = EmbeddingNet(backbone_of(name, "imagenet"), len(dataset.categories), size=dataset.preprocessing.size)
        files = _exported(network, dataset, folder)
        loads = {kind: spread(1000 * _seconds_to_load(path) for _ in range(LOADS)) for kind, path in files.items()}
        return Measured(
            name,
            network.size,
            multiply_adds(network) / 1e9,
            _milliseconds({kind: Model(path, threads=1) for kind, path in files.items()}, network.size, rounds),
            loads,
            {kind: path.stat().st_size / 1e6 for kind, path in files.items()},
            getattr(backbone_of(name), "licence", _LIBRARY_LICENCE),
            _quality_of(name, dataset, folder / "features") if data else {},
        )


def _exported(network: EmbeddingNet, dataset: Dataset, folder: Path) -> dict[str, Path]:
    """The network as ONNX files, by precision."""
    folder.mkdir(exist_ok=True)
    files = {"float32": folder / "float32.onnx", "int8": folder / "int8.onnx"}
    write_onnx(network, network.size, files["float32"])
    rows = dataset.rows("train")
    quantise(files["float32"], files["int8"], dataset, rows[:: max(1, len(rows) // CALIBRATION)][:CALIBRATION])
    return files


def _quality_of(name: str, dataset: Dataset, folder: Path) -> dict[str, dict[str, float | None]]:
    """The quality of the pretrained features by precision; empty if the weights do not load here."""
    network = features_network(name, dataset.preprocessing.size)
    if network is None:
        return {}
    return {kind: quality(Model(path), dataset) for kind, path in _exported(network, dataset, folder).items()}


def _dataset(data: Path, settings: PrepareSettings) -> Dataset:
    folder = VAR / f"dataset-backbones-{data.resolve().name}"
    prepare(data, folder, settings)
    return Dataset.open(folder)


def multiply_adds(network: EmbeddingNet) -> float:
    """Multiplications with an addition in one forward pass of one photo."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(torch.zeros(1, 3, network.size, network.size))
    return float(counter.get_total_flops()) / 2


def _seconds_to_load(path: Path) -> float:
    before = time.perf_counter()
    Model(path, threads=1)
    return time.perf_counter() - before


def _milliseconds(models: dict[str, Model], size: int, rounds: int) -> dict[str, Spread]:
    """One forward pass of each model in turn, so that other work on the machine affects both."""
    image = np.random.default_rng(0).normal(size=(1, 3, size, size)).astype(np.float32)
    taken: dict[str, list[float]] = {kind: [] for kind in models}
    for model in models.values():
        model.run(image)
    for _ in range(rounds):
        for kind, model in models.items():
            before = time.perf_counter()
            model.run(image)
            taken[kind].append(1000 * (time.perf_counter() - before))
    return {kind: spread(values) for kind, values in taken.items()}


def main(argv: Sequence[str] | None = None) -> None:
    """`python -m benchmarks.bench.backbones`."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bench.backbones", description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="listings or folders of photos, on which accuracy is measured")
    parser.add_argument("--names", nargs="+", default=NAMES, help="backbones; the first one is the baseline")
    given = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    quiet_faiss()
    print("\n".join(machine.lines(machine.describe())), flush=True)
    print("\n".join(table.lines("backbones", report(measure(given.names, ROUNDS, given.data)))))


if __name__ == "__main__":
    main()
