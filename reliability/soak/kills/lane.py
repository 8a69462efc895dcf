"""What the kills of all kinds share: releases to promote, and the choice of steps."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from lambda_app.release.archive import write_archive
from lambda_app.release.manifest import Manifest
from tests.releases import build_release

PRODUCTS = 4


@dataclass(frozen=True)
class Archive:
    """A release archive and the folder that it was made from."""

    path: Path
    folder: Path
    manifest: Manifest

    @property
    def photos(self) -> Path:
        """The data folder of the release: it contains photos/."""
        return self.folder


def archives(folder: Path) -> Iterator[Archive]:
    """Releases without end, each newer than the one before and with other files."""
    begun = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)
    number = 0
    while True:
        place = folder / f"release-{number}"
        created = begun + timedelta(minutes=number)
        manifest = build_release(place, seed=number, created_at=created, products=PRODUCTS)
        (place / "report").mkdir()
        (place / "report" / "index.html").write_text(f"<p>report {number}")
        yield Archive(write_archive(folder / f"release-{number}.tar", manifest, place), place, manifest)
        number += 1


def spread(names: Sequence[str], count: int) -> list[int]:
    """Places of `count` kills among the steps of a promotion.

    Every kind of step is hit in turn, and within a kind one place after the other.

    Args:
        names: the step at each place.
        count: how many.
    """
    kinds = {name: [place for place, other in enumerate(names) if other == name] for name in names}
    chosen: list[int] = []
    turn = 0
    while len(chosen) < max(count, len(kinds)):
        for places in kinds.values():
            chosen.append(places[turn % len(places)])
        turn += 1
    # The slice takes some of the first round, to its last kind.
    first = len(kinds)
    return chosen[:count] if count >= first else [chosen[(place + 1) * first // count - 1] for place in range(count)]
