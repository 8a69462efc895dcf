"""The check `kills`: promotions are killed at each of their steps, and repeated."""

import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from benchmarks.figures.table import Goal, Report, Row, exact
from reliability.soak.kills.bucket_lane import BucketLane
from reliability.soak.kills.folder_lane import FolderLane
from reliability.soak.kills.inspection import Kill
from reliability.soak.kills.promoter_lane import PromoterLane
from tests.s3_server import S3Server

FOLDER, DROP, PROMOTER = "scripts/publish into a folder", "scripts/publish into a bucket", "the promoter's process"
_FULL = {FOLDER: 80, DROP: 30, PROMOTER: 90}
_QUICK = {FOLDER: 3, DROP: 2, PROMOTER: 3}


def run(quick: bool) -> Report:
    """Kill 200 promotions, or 8 in the slice."""
    counts = _QUICK if quick else _FULL
    with tempfile.TemporaryDirectory() as name, closing(S3Server()) as s3:
        folder = Path(name)

        def lane(of: str) -> list[Kill]:
            return list(_kills(of, s3, folder, counts[of]))

        with ThreadPoolExecutor(len(counts)) as pool:
            found = dict(zip(counts, pool.map(lane, counts), strict=True))
    return report(found, counts)


def report(found: Mapping[str, Sequence[Kill]], counts: Mapping[str, int]) -> Report:
    """The counts of all lanes.

    Args:
        found: the kills of each lane.
        counts: how many kills each lane was to have.
    """
    kills = [kill for lane in found.values() for kill in lane]
    rows = [Row("kills", exact(sum(kill.killed for kill in kills)), goal=Goal("at least", sum(counts.values())))]
    for name, lane in found.items():
        steps = Counter(shown(kill.step) for kill in lane if kill.killed)
        rows.append(Row(f"  {name}", exact(sum(steps.values())), goal=Goal("at least", counts[name])))
        rows += [Row(f"    {step}", exact(count)) for step, count in steps.items()]
    none = Goal("at most", 0)
    rows += [
        Row("pointer incomplete, or of another release", exact(sum(kill.broken_pointer for kill in kills)), goal=none),
        Row("live release that the running server does not load", exact(sum(k.not_loaded for k in kills)), goal=none),
        Row("failed answers of the running server", exact(sum(kill.failed_answers for kill in kills)), goal=none),
        Row("objects half written", exact(sum(kill.half_written for kill in kills)), goal=none),
        Row("repeats that did not make the release live", exact(sum(k.repeat_failed for k in kills)), goal=none),
        Row("scratch left after the repeat", exact(sum(kill.scratch for kill in kills)), goal=none),
    ]
    return Report(rows)


def shown(step: str) -> str:
    """The row of a step: operations on one kind of object share a row, except those that write the pointer."""
    if "pointer" in step and "GET" not in step:
        return step
    return step.partition(":")[0].removeprefix("before ").removeprefix("after ")


def _kills(of: str, s3: S3Server, folder: Path, count: int) -> Iterator[Kill]:
    if of == FOLDER:
        return FolderLane(folder / "folder").kills(count)
    if of == DROP:
        return BucketLane(s3, folder / "bucket").kills(count)
    return PromoterLane(s3, folder / "promoter").kills(count)
