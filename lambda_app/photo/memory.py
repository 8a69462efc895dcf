"""Memory for the photos that are decoded at once: a photo for which there is no room now is refused at once."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lambda_app.errors import BusyError, PhotoTooLargeError

MIB = 1 << 20


class DecodingMemory:
    """A budget of bytes. Thread-safe."""

    def __init__(self, budget: int) -> None:
        """Create it with `budget` bytes, none of them in use."""
        self.budget = budget
        self._lock = threading.Lock()
        self._used = 0

    @contextmanager
    def reserved(self, size: int) -> Iterator[None]:
        """Reserve `size` bytes while the block runs.

        Raises:
            PhotoTooLargeError: `size` is more than the whole budget.
            BusyError: other photos use too much of the budget now.
        """
        if size > self.budget:
            raise PhotoTooLargeError(
                f"decoding the photo takes {size // MIB:,} MiB of memory; the limit is {self.budget // MIB:,} MiB"
            )
        with self._lock:
            if self._used + size > self.budget:
                raise BusyError(
                    f"decoding the photo takes {size // MIB:,} MiB of memory, and other photos use "
                    f"{self._used // MIB:,} of {self.budget // MIB:,} MiB; send it again later"
                )
            self._used += size
        try:
            yield
        finally:
            with self._lock:
                self._used -= size


def available_bytes() -> int:
    """Memory that this process may still use: what the system has free, and at most what its control group allows."""
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for line in _text(Path("/proc/meminfo")).splitlines():
        name, _, value = line.partition(":")
        if name == "MemAvailable":
            limits.append(int(value.split()[0]) * 1024)
    # "max" where there is no limit. The path is that of cgroup version 2, as a container sees its own group.
    if (limit := _text(Path("/sys/fs/cgroup/memory.max")).strip()).isdecimal():
        limits.append(int(limit))
    return min(limits)


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:  # another system than Linux
        return ""
