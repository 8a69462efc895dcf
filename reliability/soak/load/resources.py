"""What a process holds, sampled over time, and whether it grows."""

import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt

_PAGE = os.sysconf("SC_PAGE_SIZE")
_TWO_SIDED_95 = 1.96  # of the normal distribution; there are hundreds of samples


@dataclass(frozen=True)
class Sample:
    """What a process held at one moment.

    Attributes:
        seconds: since the first sample.
        resident: bytes of memory that are its own: resident, without files mapped into memory.
    """

    seconds: float
    resident: int
    descriptors: int
    threads: int


@dataclass(frozen=True)
class Slope:
    """A growth, with its 95 % confidence interval; in units an hour."""

    value: float
    low: float
    high: float

    @property
    def nothing(self) -> bool:
        """Whether the interval contains zero, or the value falls."""
        return self.low <= 0


class Sampler:
    """Samples a process every `every` seconds until the `with` block ends."""

    def __init__(self, pid: int, every: float) -> None:
        """Begin at the start of the block."""
        self.samples: list[Sample] = []
        self._pid, self._every = pid, every
        self._enough = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._enough.set()
        self._thread.join()

    def _run(self) -> None:
        begin = time.monotonic()
        while True:
            self.samples.append(held(self._pid, time.monotonic() - begin))
            if self._enough.wait(self._every):
                return


def held(pid: int, seconds: float = 0.0) -> Sample:
    """What a process holds now."""
    process = Path(f"/proc/{pid}")
    resident, shared = (process / "statm").read_text().split()[1:3]
    # Field 20 of proc(5)'s stat; field 2, the name, may have spaces and ends at the last parenthesis.
    threads = int((process / "stat").read_text().rpartition(")")[2].split()[17])
    return Sample(seconds, (int(resident) - int(shared)) * _PAGE, len(list((process / "fd").iterdir())), threads)


def slope(seconds: npt.ArrayLike, values: npt.ArrayLike, blocks: int = 20) -> Slope:
    """Growth by least squares.

    Neighbouring samples of a process are alike, so the samples are first averaged in blocks of time. Then the usual
    interval for independent errors holds about (Law and Kelton, "Simulation Modeling and Analysis", batch means).

    Args:
        seconds: (n,), when the samples were taken, rising.
        values: (n,).
        blocks: blocks of time.

    Raises:
        ValueError: fewer samples than needed for three blocks.
    """
    moments, taken = np.asarray(seconds, float) / 3600, np.asarray(values, float)
    count = min(blocks, len(taken))
    if count < 3 or len(moments) != len(taken):
        raise ValueError(f"{len(moments)} moments and {len(taken)} values; a slope needs at least 3 of both")
    hours, means = (np.array([part.mean() for part in np.array_split(series, count)]) for series in (moments, taken))
    centred = hours - hours.mean()
    spread = float((centred**2).sum())
    value = float(centred @ means / spread)
    residuals = means - means.mean() - value * centred
    margin = _student(count - 2) * float(np.sqrt((residuals**2).sum() / (count - 2) / spread))
    return Slope(value, value - margin, value + margin)


def folder_bytes(folder: Path) -> int:
    """Bytes of all files in a folder; what is deleted meanwhile is left out."""
    total = 0
    for root, _, names in os.walk(folder):
        for name in names:
            try:
                total += (Path(root) / name).lstat().st_size
            except FileNotFoundError:
                continue
    return total


def _student(freedom: int) -> float:
    """The 97.5 % point of Student's t, by the expansion in Abramowitz and Stegun, 26.7.5; within 1 % from 4 degrees."""
    z = _TWO_SIDED_95
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
    )
    return z + sum(term / float(freedom ** (power + 1)) for power, term in enumerate(terms))
