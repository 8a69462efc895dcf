"""The machine of a measurement: processor, memory, versions, threads."""

import os
import platform
import re
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

PACKAGES = ("onnxruntime", "torch", "faiss-cpu", "numpy", "pillow", "fastapi", "uvicorn")
# Both sides use one processor thread, unless a row says otherwise.
THREADS = 1
_NAMED = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "amx_int8")


def describe() -> dict[str, str]:
    """The properties of the machine and its software, by name, as text."""
    return {
        "processor": processor(Path("/proc/cpuinfo")),
        "cores": f"{len(os.sched_getaffinity(0))} of {os.cpu_count()}",
        "memory": f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}, {platform.machine()}",
        "load": f"{os.getloadavg()[0]:.1f} at the start",
        "python": platform.python_version(),
        **{package: version(package) for package in PACKAGES},
        "threads": f"{THREADS} per process on both sides, unless a row says otherwise",
    }


def processor(cpuinfo: Path) -> str:
    """The name of the processor, with its instruction sets that matter for the speed of networks."""
    text = cpuinfo.read_text() if cpuinfo.exists() else ""
    model = re.search(r"^model name\s*: (.+)$", text, re.MULTILINE)
    flags = re.search(r"^flags\s*: (.+)$", text, re.MULTILINE)
    known = set(flags[1].split()) if flags else set()
    sets = [name for name in _NAMED if name in known]
    return f"{model[1].strip() if model else platform.processor() or 'unknown'} ({', '.join(sets) or 'no AVX2'})"


def lines(machine: Mapping[str, str]) -> list[str]:
    """The description as text, one line per property."""
    return [f"{name:<12}{value}" for name, value in machine.items()]
