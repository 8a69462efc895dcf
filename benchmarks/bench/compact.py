"""Requests with a photo to a compact backbone, EfficientNet-Lite0 in int8, beside ResNet50 and the baseline.

The cost is computed from the time of a whole request on one thread, HTTP included, with the prices and the memory of
docs/aws.md. A function of this memory has about 1.7 processors, so it is not faster than assumed by the benchmark.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.bench.request import QUICK_REQUESTS, QUICK_ROUNDS, REQUESTS, ROUNDS, WARM_UP, Block, ask, fill
from benchmarks.figures.table import Goal, Report, Row, Spread, spread
from benchmarks.inputs.bench_release import SIZE, VAR, bench_release
from benchmarks.inputs.photos import PHONE, SMALL, photo
from benchmarks.processes import server
from benchmarks.processes.server import form
from training.pipeline.progress import track

BACKBONE = "tf_efficientnet_lite0"
# At least so many times the rate of the baseline on processors with AVX-512 VNNI; without, 6 for 0.5 megapixels.
_KINDS = (("0.5-megapixel", SMALL, 10.0), ("12-megapixel", PHONE, 8.0))
_GIGABYTES, _USD_PER_GB_SECOND, _USD_PER_MILLION, _MOST_USD = 3008 / 1024, 0.0000166667, 0.20, 2.0


def run(quick: bool) -> Report:
    """Ask all servers in turn, so that other work on the machine affects all of them."""
    resnet = bench_release()
    compact = bench_release(VAR / "release-compact", backbone=BACKBONE, size=SIZE)
    rounds, requests = (QUICK_ROUNDS, QUICK_REQUESTS) if quick else (ROUNDS, REQUESTS)
    rows, notes = [], []
    with ExitStack() as running:
        folders = [Path(running.enter_context(TemporaryDirectory())) for _ in range(2)]
        stores = [fill(folder, release) for folder, release in zip(folders, (compact, resnet), strict=True)]
        started = [running.enter_context(server.ours(store)) for store in stores]
        servers = [one.wait() for one in (*started, running.enter_context(server.baseline(resnet)))]
        for name, size, goal in _KINDS:
            body = form(photo(VAR / "photos", size))
            for target in servers:
                ask(target, body, WARM_UP)
            blocks: list[list[Block]] = [[] for _ in servers]
            for _ in track(range(rounds), rounds, f"compact, {name}", "round"):
                for side, target in zip(blocks, servers, strict=True):
                    side.append(ask(target, body, requests))
            rows += _rows(name, goal, *blocks)
            notes.append(f"{name}: {size[0]} x {size[1]}, 4:2:0")
    return Report(
        rows, [*notes, f"{BACKBONE} at {SIZE}, int8; the baseline is the published design, ResNet50 in torch"]
    )


def _rows(
    name: str, goal: float, compact: Sequence[Block], resnet: Sequence[Block], baseline: Sequence[Block]
) -> list[Row]:
    rates = [spread(block.rate for block in side) for side in (compact, resnet, baseline)]
    return [
        Row(f"{name} JPEG, photos a second: compact", rates[0], rates[2], Goal("at least", goal, of="ratio")),
        Row("  the same, ResNet50 int8", rates[1], rates[2]),
        Row("  forward, ms: compact beside ResNet50 int8", _forward(compact), _forward(resnet)),
        Row(
            "  Lambda for a million photos, USD: beside ResNet50 int8", _dollars(compact), _dollars(resnet),
            Goal("at most", _MOST_USD),
        ),
    ]  # fmt: skip


def _forward(blocks: Sequence[Block]) -> Spread:
    return spread(block.part("forward") for block in blocks)


def _dollars(blocks: Sequence[Block]) -> Spread:
    return spread(_GIGABYTES * _USD_PER_GB_SECOND * 1e6 / block.rate + _USD_PER_MILLION for block in blocks)
