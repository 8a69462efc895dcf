from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from training.pipeline.progress import track
from training.prepare.intake.tables import Intake


@pytest.fixture
def read_into_tables(tmp_path: Path) -> Iterator[Callable[..., Intake]]:
    """Read a folder with the `read` of its layout; returns the working tables, which are closed after the test."""
    opened: list[Intake] = []

    def run(read: Callable[..., None], data: Path, *options: object) -> Intake:
        intake = Intake(tmp_path / f"intake{len(opened)}.sqlite")
        opened.append(intake)
        read(data, intake, track, *options)
        return intake

    yield run
    for intake in opened:
        intake.close()
