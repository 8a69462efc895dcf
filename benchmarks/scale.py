"""What other sizes need, computed from measured figures: functions, memory, money a month.

    python -m benchmarks.scale docs/figures.json

reads what `scripts/bench --json` wrote and prints the tables of docs/scale.md, which a test holds to this script.
"""

import argparse
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PHOTOS = (10_000, 10_000_000, 1_000_000_000)
RATES = (1, 1_000, 100_000)  # requests a second
SECONDS_A_MONTH = 30.44 * 86_400

# List prices in US dollars, us-east-1, as known in 2026; see docs/aws.md. Round numbers of the day, not an offer.
GB_SECOND = 0.0000166667  # Lambda, x86_64
MILLION_INVOCATIONS = 0.20
MILLION_HTTP_REQUESTS = 1.00
S3_GB_MONTH = 0.023
VCPU_HOUR = 0.0446  # of a compute instance, on demand, c7i
RAM_GB_HOUR = 0.0075  # of a memory instance beyond what its cores bring, r7i less c7i

# Lambda quotas (AWS Lambda Developer Guide, "Lambda quotas"), in MB and requests.
ONE_VCPU_MB, MOST_MB = 1_769, 10_240
MOST_DISK_MB = 10_240
DEFAULT_CONCURRENCY = 1_000
# Of a machine that runs all day: what is left is for peaks and for one that fails.
UTILISATION = 0.6
PHOTO_MB = 0.15  # a listing's photo in S3


@dataclass(frozen=True)
class SearchFigures:
    """Search at one catalogue size: milliseconds a query, megabytes of the index file and of the process."""

    count: int
    query_ms: float
    file_mb: float
    peak_mb: float


@dataclass(frozen=True)
class Measured:
    """What the computation starts from.

    Attributes:
        request_ms: a whole request with a 0.5-megapixel photo, one thread, in a catalogue of 10,000.
        cold_s: process start to the first answer.
        base_mb: peak memory of a function with a ResNet50 and 10,000 items.
        search: by catalogue size, ascending.
    """

    request_ms: float
    cold_s: float
    base_mb: float
    search: tuple[SearchFigures, ...]

    @classmethod
    def read(cls, figures: dict[str, Any]) -> "Measured":
        """From the JSON of `scripts/bench`.

        Raises:
            KeyError: a benchmark is missing: request, cold and search are needed.
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

    def nearest(self, count: int) -> SearchFigures:
        """The figures of the largest measured size that is not above `count`."""
        return max((entry for entry in self.search if entry.count <= count), key=lambda entry: entry.count)


@dataclass(frozen=True)
class Need:
    """What a catalogue needs.

    Attributes:
        index_mb: of the index file, by bytes an item at the nearest measured size.
        search_ms: a query on one core; beyond the measured sizes growing as the square root, as lists and probes do.
        shards: functions (or machines) that hold it between them.
        memory_mb: of each.
    """

    photos: int
    index_mb: float
    search_ms: float
    shards: int
    memory_mb: int


def need(measured: Measured, photos: int) -> Need:
    """What a catalogue of so many photos needs of Lambda functions."""
    nearest, least = measured.nearest(photos), measured.search[0]
    growth = photos / nearest.count
    index_mb = nearest.file_mb * growth
    # The disk of a function holds the index of a shard; model and item table take the rest.
    shards = max(1, math.ceil(index_mb / (0.6 * MOST_DISK_MB)))
    resident = measured.base_mb - least.file_mb + min(nearest.peak_mb * growth / shards, index_mb / shards)
    memory = min(MOST_MB, max(ONE_VCPU_MB, 1_024 * math.ceil(1.3 * resident / 1_024)))
    return Need(photos, index_mb, nearest.query_ms * math.sqrt(growth / shards), shards, memory)


def lambda_cost(measured: Measured, needed: Need, rate: int) -> tuple[int, float]:
    """Functions busy at once, and dollars a month, at so many requests a second."""
    others = measured.request_ms - measured.search[0].query_ms
    first = (others + needed.search_ms) / 1_000  # seconds of the function that takes the photo
    further = (needed.shards - 1) * (needed.search_ms + 5) / 1_000  # of those that only search; 5 ms for the call
    busy = rate * (first + further)
    requests = rate * SECONDS_A_MONTH
    compute = requests * (first + further) * needed.memory_mb / 1_024 * GB_SECOND
    calls = requests / 1e6 * (MILLION_HTTP_REQUESTS + needed.shards * MILLION_INVOCATIONS)
    return max(1, math.ceil(busy)), compute + calls + storage(needed)


def machine_cost(measured: Measured, needed: Need, rate: int) -> tuple[int, float]:
    """Cores and dollars a month of machines that run all day, the index in their memory once in each of two zones."""
    others = measured.request_ms - measured.search[0].query_ms
    cores = max(2, math.ceil(rate * (others + needed.shards * needed.search_ms) / 1_000 / UTILISATION))
    hours = SECONDS_A_MONTH / 3_600
    return cores, (cores * VCPU_HOUR + 2 * needed.index_mb / 1_024 * RAM_GB_HOUR) * hours + storage(needed)


def storage(needed: Need) -> float:
    """Dollars a month for photos and index in S3."""
    return (needed.photos * PHOTO_MB + needed.index_mb) / 1_024 * S3_GB_MONTH


def tables(measured: Measured) -> Iterator[str]:
    """The tables of docs/scale.md, as Markdown lines."""
    needs = [need(measured, photos) for photos in PHOTOS]
    yield _line("photos", "index", "search, one core", "functions that share it", "memory of each", "S3, a month")
    yield _line(*["---:"] * 6)
    for needed in needs:
        memory, search = f"{needed.memory_mb:,} MB", f"{needed.search_ms:.2g} ms"
        stored = _money(storage(needed))
        yield _line(f"{needed.photos:,}", _size(needed.index_mb), search, str(needed.shards), memory, stored)
    yield ""
    yield _line(
        "photos", "requests a second", "functions at once", "Lambda, a month", "cores all day", "machines, a month"
    )
    yield _line(*["---:"] * 6)
    for needed in needs:
        for rate in RATES:
            functions, paid = lambda_cost(measured, needed, rate)
            cores, rented = machine_cost(measured, needed, rate)
            busy = f"{functions:,}{' (quota)' if functions > DEFAULT_CONCURRENCY else ''}"
            yield _line(f"{needed.photos:,}", f"{rate:,}", busy, _money(paid), f"{cores:,}", _money(rented))


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _groups(benchmark: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Our medians by measure, in groups: a row and its parts, by the row's measure."""
    groups: dict[str, dict[str, float]] = {}
    for row in benchmark["rows"]:
        if not row["part"]:
            group = groups.setdefault(row["measure"], {})
        group[row["measure"]] = row["ours"]["median"]
    return groups


def _size(mb: float) -> str:
    return f"{mb:,.0f} MB" if mb < 10_000 else f"{mb / 1_000:,.0f} GB"


def _money(dollars: float) -> str:
    """Dollars with two significant digits, which is more than the prices deserve."""
    if dollars < 10:
        return f"${dollars:.2f}"
    digits = 1 - math.floor(math.log10(dollars))
    return f"${round(dollars, digits):,.0f}"


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__.partition("\n")[0])
    parser.add_argument("figures", type=Path, help="what scripts/bench --json wrote, with request, cold and search")
    print(*tables(Measured.read(json.loads(parser.parse_args().figures.read_bytes()))), sep="\n")


if __name__ == "__main__":
    main()
