"""The stages of a cold start: a process that answers one event like the function and records when each stage ran.

    python -m benchmarks.processes.cold_stages EVENT.json STARTED

prints JSON with the stages and the overhead of a warm event (its time without decode, forward and search). STARTED is
`time.perf_counter()` in the parent process at the start: all processes of a machine share this clock.
"""

import functools
import importlib
import json
import statistics
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

from benchmarks.processes.timings import PARTS, parse_timings

# Module, function or class in it, name of the stage.
STAGES = (
    ("lambda_app.store.bucket", "open_bucket", "S3 client made"),
    ("lambda_app.store.pointer", "PointerMethods.read_pointer", "pointer read, client made with it"),
    ("lambda_app.store.bucket", "S3Store.read", "manifest read"),
    ("lambda_app.store.bucket", "S3Store.local_file", "files fetched"),
    ("lambda_app.recommendation.parts", "Model", "session made"),
    ("lambda_app.search.local.opening", "VectorIndex", "index opened"),
    ("lambda_app.search.local.opening", "Catalog.__init__", "catalog opened"),
    ("lambda_app.recommendation.parts", "_check_dimensions", "first forward pass"),
    ("lambda_app.recommendation.recommender", "Recommender.analyse", "first photo: decode and forward"),
    ("lambda_app.recommendation.recommender", "Recommender.similar", "first search"),
)
INTERPRETER, IMPORTS = "interpreter started", "handler imported"
WARM = 20  # further events


@dataclass
class Stage:
    """First begin and last end of a stage, in seconds since the start, and the total time of its calls."""

    begin: float
    end: float
    seconds: float


class Recorder:
    """Collects stages. It is thread-safe; concurrent calls of one stage add up."""

    def __init__(self, started: float) -> None:
        self._started = started
        self._lock = threading.Lock()
        self.stages: dict[str, Stage] = {}

    def run(self, name: str, call: Callable[[], Any]) -> Any:
        """Make a call that counts for the stage `name`."""
        begin = time.perf_counter() - self._started
        try:
            return call()
        finally:
            end = time.perf_counter() - self._started
            with self._lock:
                stage = self.stages.setdefault(name, Stage(begin, end, 0.0))
                stage.begin, stage.end = min(stage.begin, begin), max(stage.end, end)
                stage.seconds += end - begin

    def watch(self, module: ModuleType, place: str, name: str) -> None:
        """Let every call of the function or class `place` of a module count for the stage `name`."""
        path = place.split(".")
        owner = functools.reduce(getattr, path[:-1], module)
        original = getattr(owner, path[-1])

        @functools.wraps(original)
        def watched(*args: Any, **kwargs: Any) -> Any:
            return self.run(name, lambda: original(*args, **kwargs))

        setattr(owner, path[-1], watched)


class WatchingFinder(MetaPathFinder):
    """Wraps the functions of a module as soon as it is imported, before other modules can call or import them.

    Importing the modules earlier would change the measurement: the import of the handler starts the load in a thread.
    """

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._modules = {module for module, _, _ in STAGES}

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The spec of the import system, with a loader that wraps the functions."""
        spec = PathFinder.find_spec(fullname, path, target) if fullname in self._modules else None
        if spec is None or spec.loader is None:
            return None
        load = spec.loader.exec_module

        def load_and_watch(module: ModuleType) -> None:
            load(module)
            for owner, place, name in STAGES:
                if owner == fullname:
                    self._recorder.watch(module, place, name)

        spec.loader.exec_module = load_and_watch  # type: ignore[method-assign]
        return spec


def around(invoke: Callable[[], dict[str, Any]]) -> float:
    """Milliseconds of an invocation without decode, forward and search.

    Raises:
        RuntimeError: the answer is not 200.
    """
    begin = time.perf_counter()
    answer = invoke()
    milliseconds = 1000 * (time.perf_counter() - begin)
    timings = timings_of(answer)
    return milliseconds - sum(timings[part] for part in PARTS)


def timings_of(answer: dict[str, Any]) -> dict[str, float]:
    """Milliseconds by part, from the answer of the handler.

    Raises:
        RuntimeError: the answer is not 200.
    """
    if answer["statusCode"] != 200:
        raise RuntimeError(f"the function answered {answer['statusCode']}: {answer['body'][:500]}")
    return parse_timings(answer["headers"]["server-timing"])


def main() -> None:
    """Import the handler, answer the event, print the stages."""
    event, started = json.loads(Path(sys.argv[1]).read_bytes()), float(sys.argv[2])
    recorder = Recorder(started)
    running = time.perf_counter() - started
    recorder.stages[INTERPRETER] = Stage(0.0, running, running)

    sys.meta_path.insert(0, WatchingFinder(recorder))
    handler = recorder.run(IMPORTS, lambda: importlib.import_module("lambda_app.handler")).handler
    handle = functools.partial(handler, event, SimpleNamespace(aws_request_id="bench"))
    timings_of(handle())
    # Copy the stages first: the warm events call the same functions.
    stages = {name: dict(vars(stage)) for name, stage in recorder.stages.items()}
    print(json.dumps({"stages": stages, "around": statistics.median(around(handle) for _ in range(WARM))}))


if __name__ == "__main__":
    main()
