"""Drops hostile archives on a store whose release answers, through the promoter Lambda's own process."""

import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.figures.table import Goal, Report, Row, exact
from benchmarks.inputs.bench_release import ROOT
from benchmarks.processes.server import processor_seconds
from reliability.fuzz.drops import doors
from reliability.fuzz.drops.archives import ATTACKS, RELEASE, Sound, tar
from reliability.fuzz.drops.stage import Stage, State, Taken, stage
from tests.crafted.bases import build_inverted
from tests.crafted.drops import DROPS, archive

KEPT = ROOT / "var" / "fuzz" / "drops"
MIB = 1 << 20
MOST_SECONDS = 30.0
# The whole promoter: its work on a drop is in a child process with a limit of its own.
MOST_PEAK = 512 * MIB


@dataclass
class Tally:
    """The counts so far.

    Attributes:
        crafted, archives, keys: drops that were sent, by kind.
        accepted: drops that were not refused with a note, or for another reason than the expected one.
        harmed: drops after which the server, the pointer or the store was not as before.
        left: drops that left files in the promoter's temporary folder.
        problems: each in words.
        slowest: seconds, and which drop.
    """

    crafted: int = 0
    archives: int = 0
    keys: int = 0
    accepted: int = 0
    harmed: int = 0
    left: int = 0
    problems: list[str] = field(default_factory=list)
    slowest: tuple[float, str] = (0.0, "")


@dataclass(frozen=True)
class Drop:
    """A hostile drop.

    Attributes:
        key: where it is dropped.
        archive: its file, or None if S3 cannot hold an object under the key: then only the event is sent.
        expected: the outcome.
        says: pattern of the reason; None for any.
    """

    name: str
    key: str
    archive: Path | None
    expected: str = "refused"
    says: str | None = None


def run(quick: bool) -> Report:
    """Drop them one by one. Archives that do harm are kept in `var/fuzz/drops`."""
    step = 7 if quick else 1
    tally = Tally()
    with stage() as scene, tempfile.TemporaryDirectory(prefix="lookalike-fuzz-") as name:
        folder = Path(name)
        state = scene.state()
        begun = processor_seconds(scene.promoter.pid)
        for drop in crafted(scene, folder, step):
            tally.crafted += 1
            state = judge(tally, scene, drop, state)
        for drop in archives(scene, folder, step):
            tally.archives += 1
            state = judge(tally, scene, drop, state)
        for drop in keys(scene, folder):
            tally.keys += 1
            state = judge(tally, scene, drop, state)
        opened = list(doors.opened(scene.target))
        seconds, peak = processor_seconds(scene.promoter.pid) - begun, scene.peak()
    return report(tally, opened, seconds, peak, step)


def crafted(scene: Stage, folder: Path, step: int) -> Iterator[Drop]:
    """The releases of `tests/crafted`, which are sound but for one change."""
    build_inverted(folder / "inverted")
    for number, change in enumerate(DROPS[::step]):
        target = folder / f"crafted-{number}"
        target.mkdir()
        path = archive(change, folder / "inverted" if change.inverted else scene.base, target, RELEASE)
        yield Drop(change.name, f"drops/crafted-{number}.tar", path, says=change.says)


def archives(scene: Stage, folder: Path, step: int) -> Iterator[Drop]:
    """Archives that attack whoever unpacks them."""
    sound = Sound(scene.base)
    for number, name in enumerate(list(ATTACKS)[::step]):
        path = folder / f"archive-{number}.tar"
        path.write_bytes(ATTACKS[name](sound))
        yield Drop(name, f"drops/archive-{number}.tar", path)
        path.unlink()


def keys(scene: Stage, folder: Path) -> Iterator[Drop]:
    """A sound archive, under keys that are not those of drops."""
    sound = Sound(scene.base)
    path = folder / "sound.tar"
    path.write_bytes(tar(sound.members()))
    for key in doors.IGNORED_KEYS:
        # Outside of drops/ the event alone: the object would change what must stay as it is.
        yield Drop(repr(key), key, path if key.startswith("drops/") else None, "ignored")
    for key in doors.LONG_KEYS:
        yield Drop(f"{key[:20]}... of {len(key.encode())} bytes", key, path, says="the limit is 240")
    unsound = folder / "unsound.tar"
    unsound.write_bytes(tar([("manifest.json", sound.manifest(smoke=[]))]))
    yield Drop(f"a key of {len(doors.DEEP_KEY)} bytes", doors.DEEP_KEY, unsound, says="no smoke case")
    for key in doors.REFUSED_KEYS:
        yield Drop(repr(key), key, None)


def judge(tally: Tally, scene: Stage, drop: Drop, before: State) -> State:
    """Drop it, and count what is not as it was before; the state after it."""
    taken = scene.take(drop.key, drop.archive)
    wrong = []
    if not as_expected(drop, taken):
        tally.accepted += 1
        wrong.append(f"{taken.outcome}, note {taken.note!r}: {taken.detail[:200]}")
    after = scene.state()
    if changed := [name for name in before if after[name] != before[name]]:
        tally.harmed += 1
        wrong.append(f"changed: {', '.join(changed)}")
    if left := scene.scratch():
        tally.left += 1
        wrong.append(f"left {', '.join(left)}")
    tally.slowest = max(tally.slowest, (taken.seconds, drop.name))
    if wrong:
        tally.problems.append(f"{drop.name}: {'; '.join(wrong)}")
        if drop.archive is not None:
            KEPT.mkdir(parents=True, exist_ok=True)
            (KEPT / f"{re.sub('[^a-z0-9]+', '-', drop.name)[:60]}.tar").write_bytes(drop.archive.read_bytes())
    return after


def as_expected(drop: Drop, taken: Taken) -> bool:
    """Whether a drop was ignored, or refused with a note that says why."""
    if drop.expected == "ignored":
        return taken.outcome == "ignored" and taken.note is None
    said = taken.outcome == "refused" and taken.note == taken.detail and bool(taken.note)
    return said and (drop.says is None or re.search(drop.says, taken.detail) is not None)


def report(tally: Tally, opened: list[str], seconds: float, peak: int, step: int) -> Report:
    """The counts.

    Args:
        opened: upload keys and paths that gave what they must not.
        seconds: processor time of the promoter.
        peak: its peak resident memory, in bytes.
        step: every which crafted drop and archive was sent.
    """
    none = Goal("at most", 0)
    rows = [
        Row("crafted releases dropped", exact(tally.crafted), goal=Goal("at least", 70 // step)),
        Row("hostile archives dropped", exact(tally.archives), goal=Goal("at least", 50 // step)),
        Row("keys of drops tried", exact(tally.keys), goal=Goal("at least", 30)),
        Row(
            "upload keys and paths tried", exact(len(doors.UPLOAD_KEYS) + len(doors.PATHS)), goal=Goal("at least", 100)
        ),
        Row("drops that were not refused with a note, or not ignored", exact(tally.accepted), goal=none),
        Row("drops after which server, pointer or store were not as before", exact(tally.harmed), goal=none),
        Row("drops that left files on the promoter's disk", exact(tally.left), goal=none),
        Row("upload keys and paths answered other than 4xx", exact(len(opened)), goal=none),
        Row("slowest drop, seconds", exact(tally.slowest[0]), goal=Goal("at most", MOST_SECONDS)),
        Row("processor time of the promoter, without its trials, seconds", exact(seconds)),
        Row("peak memory of the promoter, MB", exact(round(peak / MIB)), goal=Goal("at most", MOST_PEAK // MIB)),
    ]
    notes = [f"the slowest: {tally.slowest[1]}", *tally.problems[:20], *opened[:20]]
    return Report(rows, notes)
