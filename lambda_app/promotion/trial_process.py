"""The child process of `lambda_app.promotion.trial`: one release, one answer, and the end.

Reads a JSON request from standard input. Writes one JSON object to standard output: `{"milliseconds", "megabytes"}` for
a release that passes, else `{"unsound": reason}` or `{"refused": reason}`.
"""

import json
import os
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lambda_app.errors import RefusedReleaseError, ReleaseError
from lambda_app.promotion import canary, smoke_replay
from lambda_app.promotion.segment_inspection import check_live_ids
from lambda_app.recommendation import recommender
from lambda_app.release.catalog_inspection import inspect_catalog
from lambda_app.release.manifest import Manifest, read_manifest
from lambda_app.search.index_inspection import inspect_index
from lambda_app.search.local.engine import Segments
from lambda_app.settings import Settings

_NO_MEMORY = ("bad_alloc", "bad allocation", "failed to allocate", "out of memory", "unable to allocate")
_LONGEST = 500


def main() -> None:
    """Try the release that standard input describes."""
    # Native code may print; standard output is for the answer alone.
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    request = json.load(sys.stdin)
    settings = Settings(**request["settings"])
    set_limits(request["limits"]["seconds"] * settings.threads, request["limits"]["megabytes"], request["most_output"])
    files = {name: Path(path) for name, path in request["files"].items()}
    answer.write(json.dumps(tried(request["manifest"].encode(), files, settings, request["limits"]["megabytes"])))
    answer.flush()
    os._exit(0)  # at once: nothing of the release, such as its destructors, runs any more


def tried(manifest: bytes, files: dict[str, Path], settings: Settings, megabytes: int) -> dict[str, Any]:
    """The answer: what the trial took, or why the release must not go live."""
    begun = time.perf_counter()
    try:
        attempt(read_manifest(manifest), files, settings)
    except RefusedReleaseError as exc:
        return {"refused": _no_memory(exc, megabytes) or str(exc)}
    except ReleaseError as exc:
        reason = _no_memory(exc, megabytes)
        return {"refused": reason} if reason else {"unsound": str(exc)}
    except Exception as exc:  # a drop may make any library raise anything; it must become a refusal with words
        words = f"{type(exc).__name__}: {exc}".replace("\n", " ")[:_LONGEST]
        return {"refused": _no_memory(exc, megabytes) or f"does not load or does not answer: {words}"}
    return {"milliseconds": (time.perf_counter() - begun) * 1000, "megabytes": _peak_megabytes()}


def attempt(manifest: Manifest, files: dict[str, Path], settings: Settings) -> None:
    """Inspect the files, load the release, replay its smoke cases, and ask the canary's questions.

    Raises:
        ReleaseError: it must not go live.
    """
    for segment in manifest.all_segments:
        inspect_catalog(files[segment.catalog.file], segment.catalog)
        inspect_index(files[segment.index.file], segment.index)
    loaded = recommender.load(manifest, lambda entry: files[entry.file], settings)
    try:
        if isinstance(loaded.parts.source, Segments):
            check_live_ids(manifest, loaded.parts.source)
        if failures := smoke_replay.replay(loaded, manifest):
            raise RefusedReleaseError(f"fails its smoke cases: {'; '.join(failures)}")
        canary.check_answers(loaded, settings.max_k)
    finally:
        loaded.close()


def set_limits(cpu_seconds: float, megabytes: int, most_output: int) -> None:
    """Limit this process.

    Args:
        cpu_seconds: of all threads together: ends the process even if its parent is gone.
        megabytes: memory beyond what it holds now.
        most_output: bytes of any file that it writes.
    """
    if sys.platform == "linux":  # elsewhere the kernel does not enforce it
        pages = int(Path("/proc/self/statm").read_text().split()[5])
        data = pages * resource.getpagesize() + (megabytes << 20)
        resource.setrlimit(resource.RLIMIT_DATA, (data, data))
    seconds = int(cpu_seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_output, most_output))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _peak_megabytes() -> float:
    """The largest resident memory of this process."""
    status = Path("/proc/self/status")
    if status.exists():  # the figure of getrusage begins with the memory of the process that started this one
        words = next(line.split() for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(words[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _no_memory(exc: BaseException, megabytes: int) -> str | None:
    """The refusal for an error that was caused by the limit of memory; None for another."""
    for cause in _chain(exc):
        if isinstance(cause, MemoryError) or any(words in str(cause).lower() for words in _NO_MEMORY):
            return f"needed more than {megabytes:,} MB in its trial"
    return None


def _chain(exc: BaseException | None) -> Iterator[BaseException]:
    while exc is not None:
        yield exc
        exc = exc.__cause__ or exc.__context__


if __name__ == "__main__":
    main()
