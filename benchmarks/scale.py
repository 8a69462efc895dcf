"""Estimates for other catalogue sizes, from measured figures: functions, memory, cost per month.

    python -m benchmarks.scale docs/figures.json

reads the output of `scripts/bench --json` and prints the tables of docs/scale.md. A test compares both.
"""

import argparse
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.figures.cells import line, money
from benchmarks.vector_costs import SECONDS_A_MONTH, WARM_QUERY_MS, index_tables

PHOTOS = (10_000, 1_000_000, 10_000_000)
RATES = (1, 1_000, 100_000)  # requests per second

# List prices in US dollars, us-east-1, as of 2026; see docs/aws.md. They are rounded and can change.
GB_SECOND = 0.0000166667  # Lambda, x86_64
MILLION_INVOCATIONS = 0.20
MILLION_HTTP_REQUESTS = 1.00
S3_GB_MONTH = 0.023
VCPU_HOUR = 0.0446  # compute instance, on demand, c7i
RAM_GB_HOUR = 0.0075  # extra memory of a memory instance: r7i minus c7i

# Lambda quotas (AWS Lambda Developer Guide, "Lambda quotas"), in MB and requests.
ONE_VCPU_MB, MOST_MB = 1_769, 10_240
MOST_DISK_MB = 10_240
DEFAULT_CONCURRENCY = 1_000
# Planned utilisation of a machine. The rest is for peaks and for the failure of one machine.
UTILISATION = 0.6
PHOTO_MB = 0.15  # a listing's photo in S3


@dataclass(frozen=True)
class SearchFigures:
    """Search at one catalogue size: milliseconds per query, and megabytes of the index file and of the process."""

    count: int
    query_ms: float
    file_mb: float
    peak_mb: float


@dataclass(frozen=True)
class Measured:
    """The measured figures.

    Attributes:
        request_ms: time of a whole request with a 0.5-megapixel photo: one thread, 10,000 items.
        cold_s: time from process start to the first answer.
        base_mb: peak memory of a function with a ResNet50 and 10,000 items.
        search: search figures in ascending order of catalogue size.
    """

    request_ms: float
    cold_s: float
    base_mb: float
    search: tuple[SearchFigures, ...]

    @classmethod
    def read(cls, figures: dict[str, Any]) -> "Measured":
        """Read the JSON of `scripts/bench`.

        Raises:
            KeyError: a benchmark is missing; request, cold and search are required.
        """
        request, cold, search = (_groups(figures["benchmarks"][name]) for name in ("request", "cold", "search"))
        sizes = []
        for head, parts in search.items():
            size, _, what = head.partition(": ")
            if what == "a query, ms":
                figures_of = (parts[head], parts["file, MB"], parts["peak memory of the process, MB"])
                sizes.append(SearchFigures(int(size.replace(",", "")), *figures_of))
        started, memory = "process start to the first answer, s", "peak memory by then, MB"
        return cls(
            request["0.5-megapixel JPEG, photos a second"]["whole request, ms"],
            cold[started][started],
            cold[memory][memory],
            tuple(sorted(sizes, key=lambda entry: entry.count)),
        )

    @property
    def without_search_ms(self) -> float:
        """Time of a request without its search."""
        return self.request_ms - self.search[0].query_ms

    def nearest(self, count: int) -> SearchFigures:
        """The figures of the largest measured size that is not above `count`."""
        return max((entry for entry in self.search if entry.count <= count), key=lambda entry: entry.count)


@dataclass(frozen=True)
class Need:
    """The requirements of a catalogue.

    Attributes:
        index_mb: size of the index file, from the bytes per item at the nearest measured size.
        search_ms: time of a query on one core. Beyond the measured sizes it grows with the square root of the size, as
            do the number of lists and nprobe.
        memory_mb: memory of a function.
    """

    photos: int
    index_mb: float
    search_ms: float
    memory_mb: int


def most_photos(measured: Measured) -> int:
    """The largest catalogue whose index fits the disk of a function.

    60 % of the disk is for the index; the rest is for the model, the catalog, and a second catalog during a reload.
    """
    largest = measured.search[-1]
    return int(0.6 * MOST_DISK_MB / largest.file_mb * largest.count)


def need(measured: Measured, photos: int) -> Need:
    """The requirements of a catalogue with so many photos on Lambda.

    Raises:
        ValueError: its index does not fit a function.
    """
    if photos > most_photos(measured):
        raise ValueError(f"{photos:,} photos do not fit a function, which takes {most_photos(measured):,}")
    nearest, least = measured.nearest(photos), measured.search[0]
    growth = photos / nearest.count
    index_mb = nearest.file_mb * growth
    resident = measured.base_mb - least.file_mb + min(nearest.peak_mb * growth, index_mb)
    memory = min(MOST_MB, max(ONE_VCPU_MB, 1_024 * math.ceil(1.3 * resident / 1_024)))
    return Need(photos, index_mb, nearest.query_ms * math.sqrt(growth), memory)


def lambda_cost(measured: Measured, needed: Need, rate: int) -> tuple[int, float]:
    """Number of busy functions and dollars per month, at so many requests per second."""
    seconds = (measured.without_search_ms + needed.search_ms) / 1_000
    compute = rate * SECONDS_A_MONTH * request_cost(seconds, needed.memory_mb)
    return max(1, math.ceil(rate * seconds)), compute + storage(needed)


def request_cost(seconds: float, memory_mb: int) -> float:
    """Dollars of one request to the API: the time of its function, the invocation and API Gateway."""
    return seconds * memory_mb / 1_024 * GB_SECOND + (MILLION_HTTP_REQUESTS + MILLION_INVOCATIONS) / 1e6


def searching_cost(measured: Measured) -> float:
    """Dollars of one request whose function waits for a warm index of S3 Vectors, and is billed for the time."""
    return request_cost((measured.without_search_ms + WARM_QUERY_MS) / 1_000, ONE_VCPU_MB)


def machine_cost(measured: Measured, needed: Need, rate: int) -> tuple[int, float]:
    """Number of cores and dollars per month for machines that always run, with the index in memory in two zones."""
    cores = max(2, math.ceil(rate * (measured.without_search_ms + needed.search_ms) / 1_000 / UTILISATION))
    hours = SECONDS_A_MONTH / 3_600
    return cores, (cores * VCPU_HOUR + 2 * needed.index_mb / 1_024 * RAM_GB_HOUR) * hours + storage(needed)


def storage(needed: Need) -> float:
    """Dollars per month for photos and index in S3."""
    return (needed.photos * PHOTO_MB + needed.index_mb) / 1_024 * S3_GB_MONTH


def tables(measured: Measured) -> Iterator[str]:
    """The tables of docs/scale.md, as Markdown lines."""
    needs = [need(measured, photos) for photos in PHOTOS]
    yield line("photos", "index", "search, one core", "memory per function", "S3 per month")
    yield line(*["---:"] * 5)
    for needed in needs:
        memory, search = f"{needed.memory_mb:,} MB", f"{needed.search_ms:.2g} ms"
        stored = money(storage(needed))
        yield line(f"{needed.photos:,}", _size(needed.index_mb), search, memory, stored)
    yield ""
    yield line("photos", "requests per second", "busy functions", "Lambda per month", "cores", "machines per month")
    yield line(*["---:"] * 6)
    for needed in needs:
        for rate in RATES:
            functions, paid = lambda_cost(measured, needed, rate)
            cores, rented = machine_cost(measured, needed, rate)
            busy = f"{functions:,}{' (quota)' if functions > DEFAULT_CONCURRENCY else ''}"
            yield line(f"{needed.photos:,}", f"{rate:,}", busy, money(paid), f"{cores:,}", money(rented))


def _groups(benchmark: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Our medians by measure, grouped by top-level row: the row itself and its parts."""
    groups: dict[str, dict[str, float]] = {}
    for row in benchmark["rows"]:
        if not row["part"]:
            group = groups.setdefault(row["measure"], {})
        group[row["measure"]] = row["ours"]["median"]
    return groups


def _size(mb: float) -> str:
    return f"{mb:,.0f} MB"


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__.partition("\n")[0])
    parser.add_argument("figures", type=Path, help="output of scripts/bench --json with request, cold and search")
    measured = Measured.read(json.loads(parser.parse_args().figures.read_bytes()))
    print(*tables(measured), "", *index_tables(searching_cost(measured)), sep="\n")


if __name__ == "__main__":
    main()
