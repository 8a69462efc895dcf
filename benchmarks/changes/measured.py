"""Changes of a large catalogue: the time from a drop to the first answer, and what is read, written and computed.

A process applies the drops as the promoter does, and another one serves. Both are in use before: their folders have
what the live release needs. What a new process does first is in rows of its own.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.changes import drops
from benchmarks.changes.base import large_release
from benchmarks.changes.drops import Sizes
from benchmarks.changes.places import Dropped, Place
from benchmarks.figures.table import Goal, Report, Row, exact
from benchmarks.inputs.bench_release import VAR, BenchRelease, bench_release
from lambda_app.store.contract import OBJECTS
from training.pipeline.progress import track

ITEMS, QUICK_ITEMS = 100_000, 5_000
_QUICK = Sizes(photos=20, prices=500, removals=50)
_SMALL_ITEMS = 100_000  # up to here, the stricter limits hold
_MB = 1e6
_NONE = Goal("at most", 0)
_MOST_SCRATCH = 1.1


def run(quick: bool, items: int | None = None) -> Report:
    """Change a release in a folder and one in a bucket.

    Args:
        items: of the release; None: 100,000, or 5,000 if quick.
    """
    count = items or (QUICK_ITEMS if quick else ITEMS)
    return measure(large_release(bench_release(), count, VAR / f"changes-{count}"), _QUICK if quick else Sizes())


def measure(release: BenchRelease, sizes: Sizes) -> Report:
    """Change this release."""
    rows: list[Row] = []
    count, notes = release.manifest.count, []
    for kind in track(("folder", "bucket"), 2, "changes", "store"):
        with TemporaryDirectory(dir=VAR.parent if VAR.parent.exists() else None) as scratch:
            with closing(Place(release, Path(scratch), bucket=kind == "bucket")) as place:
                average = drops.store_photos(place.store, sizes.photos + 1)
                found = dict(_dropped(place, release, sizes))
            rows += _rows(f"{count:,} items, {kind}", found, release, sizes)
    notes = [
        f"from the upload of the drop to the first answer; the base has {_base_bytes(release) / _MB:,.0f} MB; photos: "
        f"0.5 megapixels, {average / _MB:.2f} MB; embedding: reading, decoding, forward pass on all cores",
        "bucket: moto's S3, which is a Python process on the same machine; bytes are those of all bodies",
        "CPU: of the process that applies the changes, its threads included",
    ]
    return Report(rows, notes)


def _dropped(place: Place, release: BenchRelease, sizes: Sizes) -> Iterator[tuple[str, Dropped]]:
    """Drop one kind after the other; each takes items that the others leave alone."""
    categories = release.manifest.categories
    yield "first", place.drop(drops.additions(1, categories, first=sizes.photos))
    yield "photos", place.drop(drops.additions(sizes.photos, categories))
    yield "prices", place.drop(drops.prices(sizes.prices))
    yield "removals", place.drop(drops.removals(sizes.removals, first=sizes.prices))
    yield "price", place.drop(drops.prices(1, first=sizes.prices + sizes.removals))


def _rows(title: str, found: dict[str, Dropped], release: BenchRelease, sizes: Sizes) -> list[Row]:
    small = release.manifest.index.count <= _SMALL_ITEMS
    beside = {
        "photos": 5 if small else 10,
        "prices": 5 if small else 10,
        "removals": 3 if small else 10,
        "price": 3 if small else 10,
    }
    names = {
        "photos": f"+{sizes.photos:,} photos",
        "prices": f"{sizes.prices:,} price changes",
        "removals": f"{sizes.removals:,} removals",
        "price": "one price change",
    }
    rows = [Row(f"{title}: one photo, by a process that has just started, s", exact(found["first"].seconds))]
    rows += _fetched(found["first"], None)
    for kind, name in names.items():
        drop, whole = found[kind], Goal("at most", 45) if kind == "photos" else None
        rows.append(Row(f"{title}: {name}, drop to first answer, s", exact(drop.seconds), goal=whole))
        rows += _parts(drop, beside[kind], sizes.photos if kind == "photos" else 0)
    # Of a small release, 10,000 changed rows are a large part.
    base, goal = exact(_base_bytes(release) / _MB), None if small else Goal("at most", _MOST_SCRATCH, of="ratio")
    applying, serving = max(drop.scratch for drop in found.values()), max(drop.cached for drop in found.values())
    rows.append(Row(f"{title}: disk of the process that applies; the base, MB", exact(applying / _MB), base, goal))
    rows.append(Row("  of the process that serves, MB", exact(serving / _MB), base, goal))
    return rows


def _parts(drop: Dropped, beside: float, photos: int) -> Sequence[Row]:
    lost = drop.applied.rejected
    return [
        Row(
            "  of which beside embedding, s", exact(drop.seconds - drop.applied.embedding), goal=Goal("at most", beside)
        ),
        Row("  CPU, s", exact(drop.applied.processor)),
        Row("  photos through the network", exact(drop.applied.photos), goal=Goal("at most", photos)),
        Row("  changes that were rejected", exact(lost), goal=_NONE),
        Row("  written beside photos, MB", exact(drop.written / _MB), goal=Goal("at most", 3) if photos else None),
        *_fetched(drop, Goal("at most", 3) if photos else None),
        Row("  reload of the process that serves, s", exact(drop.reload), goal=Goal("at most", 0.5)),
    ]


def _fetched(drop: Dropped, goal: Goal | None) -> list[Row]:
    if drop.requests is None:
        return []
    return [
        Row("  fetched beside photos, MB", exact(drop.fetched / _MB), goal=goal),
        Row("  requests beside photos", exact(sum(not each.key.startswith("datasets/") for each in drop.requests))),
        Row("  LIST requests", exact(drop.lists(""))),
        Row("    over photos, rows or the log", exact(drop.lists("datasets/", OBJECTS, "changes/")), goal=_NONE),
    ]


def _base_bytes(release: BenchRelease) -> int:
    return sum(entry.bytes for entry in release.manifest.serving_files())
