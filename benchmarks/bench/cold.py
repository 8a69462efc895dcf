"""Cold start: time from process start to the first similar-images answer, and peak memory, compared with the baseline.

Our side runs as in Lambda, with AWS's runtime client and an empty cache: model, index and catalog come through the S3
protocol. The baseline reads local files. A third start searches in S3 Vectors, so it fetches the model alone. All use
compiled modules, as in an image, that are already in the page cache.
"""

import json
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from types import MappingProxyType

import torch

from benchmarks.figures.table import Goal, Report, Row, Spread, spread
from benchmarks.inputs.bench_release import ROOT, VAR, BenchRelease, bench_release
from benchmarks.inputs.photos import PHONE, SMALL, photo
from benchmarks.processes import server, vectors_service
from benchmarks.processes.cold_stages import WARM, Stage, around, timings_of
from benchmarks.processes.lambda_function import LambdaFunction, environ, photo_event, s3_with
from benchmarks.processes.server import Client, Server, form, peak_bytes
from training.pipeline.progress import track

RUNS, QUICK_RUNS = 7, 2
MB = 1e6
_IMPORT_LINE = re.compile(r"import time:\s*(\d+) \|\s*\d+ \|\s*(\S+)")
_HEAVIEST = 12
_PYTHON = {"PYTHONPATH": str(ROOT)}
# The modules that a cold start with a store in S3 imports.
IMPORTED = ("lambda_app.store.bucket", "lambda_app.recommendation.recommender", "lambda_app.api.app", "mangum")


@dataclass(frozen=True)
class Start:
    """One start of a process.

    Attributes:
        seconds: time to its first answer.
        peak: peak memory in bytes at the first answer; `peak_phone`: after a 12-megapixel photo as well.
        around: median overhead of a warm event in milliseconds: its time without decode, forward and search; None if
            unknown.
    """

    seconds: float
    peak: int
    peak_phone: int
    around: float | None = None


def run(quick: bool) -> Report:
    """Start both sides in turn, then measure the stages of our start."""
    release, runs = bench_release(), QUICK_RUNS if quick else RUNS
    small, phone = photo(VAR / "photos", SMALL), photo(VAR / "photos", PHONE)
    vectors = Server(["-m", "benchmarks.processes.vectors_service", str(release.folder), "{port}"], _PYTHON)
    with s3_with(release) as s3, vectors:
        remote = vectors_service.environ(vectors.wait().port)
        sides: tuple[Callable[[], Start], ...] = (
            lambda: _start_ours(s3, small, phone),
            lambda: _start_baseline(release, small, phone),
            lambda: _start_ours(s3, small, phone, remote),
        )
        for start in sides:
            start()  # compile the modules and fill the page cache
        rounds = [tuple(start() for start in sides) for _ in track(range(runs), runs, "cold", "round")]
        watched = [_watched_start(s3, small) for _ in range(runs)]
        imports = heaviest_imports(_import_times())
    ours, theirs, remotes = zip(*rounds, strict=True)
    first, *others = _rows(ours, theirs)
    rows = [first, *_stage_rows(watched), *others, *_remote_rows(ours, remotes)]
    return Report(rows, _notes(release, watched[-1][0], imports))


def _start_ours(s3: str, small: bytes, phone: bytes, further: Mapping[str, str] = MappingProxyType({})) -> Start:
    first, last = json.dumps(photo_event(small)).encode(), json.dumps(photo_event(phone)).encode()
    with TemporaryDirectory() as temporary:
        begin = time.perf_counter()
        with LambdaFunction({**environ(s3, Path(temporary)), **further}) as function:
            timings_of(function.invoke(first))
            seconds, peak = time.perf_counter() - begin, peak_bytes(function.pid)
            beside = median(around(lambda: function.invoke(first)) for _ in range(WARM))
            timings_of(function.invoke(last))
            return Start(seconds, peak, peak_bytes(function.pid), beside)


def _start_baseline(release: BenchRelease, small: bytes, phone: bytes) -> Start:
    with server.baseline(release) as started:
        client = Client(started.wait().port)
        client.send(form(small))
        seconds, peak = time.perf_counter() - started.started, peak_bytes(started.pid)
        client.send(form(phone))
        client.close()
        return Start(seconds, peak, peak_bytes(started.pid))


def _rows(ours: Sequence[Start], theirs: Sequence[Start]) -> list[Row]:
    def of_both(value: Callable[[Start], float]) -> tuple[Spread, Spread]:
        return spread(map(value, ours)), spread(map(value, theirs))

    return [
        Row("process start to the first answer, s", *of_both(lambda s: s.seconds), Goal("at most", 0.15, of="ratio")),
        Row("peak memory by then, MB", *of_both(lambda s: s.peak / MB), Goal("at most", 280)),
        Row("peak memory after a 12-megapixel photo, MB", *of_both(lambda s: s.peak_phone / MB), Goal("at most", 280)),
        Row(
            "warm event beside decode, forward, search, runtime client too, ms",
            spread(start.around for start in ours if start.around is not None),
        ),
    ]


def _remote_rows(ours: Sequence[Start], remotes: Sequence[Start]) -> list[Row]:
    """With S3 Vectors, beside FAISS in the same rounds."""
    more = [remote.seconds - own.seconds for own, remote in zip(ours, remotes, strict=True)]
    peaks = spread(start.peak / MB for start in remotes), spread(start.peak / MB for start in ours)
    return [
        Row("start with S3 Vectors, s more than with FAISS", spread(more), goal=Goal("at most", 0.15)),
        Row("peak memory by then with S3 Vectors, MB; baseline: with FAISS", *peaks),
    ]


def _watched_start(s3: str, small: bytes) -> tuple[dict[str, Stage], float]:
    """The stages of one start, ordered by begin, and `around` of a warm event in the same process."""
    with TemporaryDirectory() as temporary:
        event = Path(temporary) / "event.json"
        event.write_text(json.dumps(photo_event(small)))
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.processes.cold_stages", str(event), repr(time.perf_counter())],
            cwd=ROOT,
            env=environ(s3, Path(temporary)),
            capture_output=True,
            check=True,
        )
    # The function prints its metrics first, also as JSON lines.
    found = json.loads(done.stdout.splitlines()[-1])
    stages = {name: Stage(**stage) for name, stage in found["stages"].items()}
    return dict(sorted(stages.items(), key=lambda entry: entry[1].begin)), found["around"]


def _stage_rows(runs: Sequence[tuple[dict[str, Stage], float]]) -> list[Row]:
    stages = [Row(f"  {name}, ms", spread(1000 * run[name].seconds for run, _ in runs)) for name in runs[-1][0]]
    alone = spread(beside for _, beside in runs)
    goal = Goal("at most", 3.0)
    return [*stages, Row("warm event beside decode, forward, search, handler alone, ms", alone, goal=goal)]


def _import_times() -> str:
    """The report of `-X importtime` for the modules of a cold start, imported in sequence.

    Importing the handler itself would also start loading the release in another thread.
    """
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", f"import {', '.join(IMPORTED)}"],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stderr


def heaviest_imports(report: str) -> list[tuple[str, float]]:
    """The packages with the longest own import time in a report of `-X importtime`: name and milliseconds."""
    taken: Counter[str] = Counter()
    for microseconds, module in _IMPORT_LINE.findall(report):
        taken[module.partition(".")[0]] += int(microseconds)
    return [(package, microseconds / 1000) for package, microseconds in taken.most_common(_HEAVIEST)]


def _notes(release: BenchRelease, stages: dict[str, Stage], imports: list[tuple[str, float]]) -> list[str]:
    sizes = ", ".join(f"{entry.file} {entry.bytes / MB:.1f} MB" for entry in release.manifest.serving_files())
    when = ", ".join(f"{name} {stage.begin:.2f}..{stage.end:.2f}" for name, stage in stages.items())
    cuda = (
        ["this build of torch has CUDA, so it takes more memory than a build without it"] if torch.version.cuda else []
    )
    return [
        *cuda,
        "ours: python -m awslambdaric on a runtime API, model, index and catalog from moto's S3; baseline: local files",
        "S3 Vectors: a service on this machine that answers at once; no time of the network or of its search",
        f"fetched: {sizes}; the stages come from a process without the runtime client; they overlap",
        f"stages of the last run, in seconds since its start: {when}",
        f"imports of {', '.join(IMPORTED)}, ms by package: " + ", ".join(f"{name} {ms:.0f}" for name, ms in imports),
    ]
