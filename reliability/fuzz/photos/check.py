"""Sends thousands of hostile photos to a server, and measures what they cost it."""

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings

from benchmarks.figures.table import Goal, Report, Row, exact, spread
from benchmarks.inputs.bench_release import ROOT
from reliability.fuzz.photos.bombs import BOMBS, bomb
from reliability.fuzz.photos.encoded import encoded
from reliability.fuzz.photos.kinds import KINDS, HostilePhoto, numbered
from reliability.fuzz.photos.random_files import files
from reliability.fuzz.photos.volley import MOST_SECONDS, Volley
from reliability.fuzz.service import small_service

KEPT = ROOT / "var" / "fuzz" / "photos"
MIB = 1 << 20
MOST_GROWTH = 1.2


@dataclass(frozen=True)
class Size:
    """How many photos a run sends.

    Attributes:
        numbered: photos by number.
        step: of the encoded files every which is sent.
        random: photos of Hypothesis.
        settling: photos that are sent before the memory is watched.
        watched: after every so many photos, memory is measured, and the good photo is sent.
        bombs: whether every pixel bomb is sent at the beginning.
    """

    numbered: int
    step: int
    random: int
    settling: int
    watched: int
    bombs: bool


FULL = Size(numbered=4_200, step=1, random=800, settling=600, watched=50, bombs=True)
QUICK = Size(numbered=210, step=6, random=60, settling=60, watched=10, bombs=False)


def run(quick: bool) -> Report:
    """Send them all to a new server. Files that do harm are kept in `var/fuzz/photos`."""
    size = QUICK if quick else FULL
    with tempfile.TemporaryDirectory(prefix="lookalike-fuzz-") as folder, small_service(Path(folder)) as service:
        volley = Volley(service.target, service.photo, KEPT)
        attack(volley, size)
    return report(volley, size)


def attack(volley: Volley, size: Size) -> None:
    """Send every photo that `size` asks for, and now and then the good one."""
    volley.check_good()
    bombs = range(len(BOMBS) if size.bombs else 0)
    _send(volley, size, (HostilePhoto(f"bomb-{number}", bomb(number), "image/png") for number in bombs))
    pairs = list(encoded().items())[:: size.step]
    _send(volley, size, (HostilePhoto(f"{name.replace(' ', '-')}-0", data, "image/jpeg") for name, data in pairs))
    _send(volley, size, (numbered(number) for number in range(size.numbered)))
    _send_random(volley, size.random)
    volley.check_good()


def report(volley: Volley, size: Size) -> Report:
    """The counts."""
    none = Goal("at most", 0)
    # Decoders and the allocator keep memory or give it back, so single figures differ by a quarter: medians of halves.
    settled = [round(resident / MIB) for resident in volley.resident[size.settling // size.watched :]]
    first, second = settled[: len(settled) // 2], settled[len(settled) // 2 :]
    answered = volley.statuses
    rows = [
        Row("hostile photos sent", exact(volley.sent), goal=Goal("at least", size.numbered + size.random)),
        Row("  answered 200: a photo after all", exact(answered[200])),
        Row("  answered 4xx: refused with words", exact(sum(answered[status] for status in range(400, 500)))),
        Row("answered 5xx", exact(volley.failed), goal=none),
        Row("connections dropped", exact(answered[0]), goal=none),
        Row(f"photos that took over {MOST_SECONDS:g} s of processor time", exact(volley.slow), goal=none),
        Row("  the slowest, seconds", exact(volley.slowest[0])),
        Row("batches in which the good photo beside it failed", exact(volley.spoilt), goal=none),
        Row("answers to a good photo that changed", exact(volley.differing), goal=none),
        Row(
            "server memory, MB: second half; baseline: first half",
            spread(second),
            spread(first),
            Goal("at most", MOST_GROWTH, "ratio"),
        ),
    ]
    notes = [f"{len(KINDS)} kinds by number, {len(encoded())} pairs of format and mode, the rest by Hypothesis"]
    notes.append(f"the slowest: {volley.slowest[1]}")
    if volley.kept.is_dir() and (kept := sorted(path.name for path in volley.kept.iterdir())):
        notes.append(f"{len(kept)} files did harm, in this run or an earlier one, and are kept in {volley.kept.name}/:")
        notes += [f"  {name}" for name in kept[:20]]
    return Report(rows, notes)


def _send(volley: Volley, size: Size, photos: Iterable[HostilePhoto]) -> None:
    for hostile in photos:
        volley.send(hostile)
        if volley.sent % size.watched == 0:
            volley.check_good()


def _send_random(volley: Volley, count: int) -> None:
    """Send random files. If one does harm, Hypothesis makes it smaller, and the smallest is kept last."""

    # The same examples in every run.
    @settings(
        max_examples=count,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink),
    )
    @given(files())
    def sent_harmlessly(data: bytes) -> None:
        harm = volley.send(HostilePhoto("random-0", data, "image/jpeg"))
        if harm:
            raise HarmDoneError(", ".join(harm))

    try:
        sent_harmlessly()
    except (HarmDoneError, ExceptionGroup):
        return  # counted and kept by the volley


class HarmDoneError(Exception):
    """A random file did harm."""
