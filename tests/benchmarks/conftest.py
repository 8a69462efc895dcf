"""A small release to measure, made by the same code as the real one."""

import pytest

from benchmarks.inputs.bench_release import BenchRelease, bench_release
from tests.sharing import made_once


@pytest.fixture(scope="session")
def release(tmp_path_factory: pytest.TempPathFactory) -> BenchRelease:
    """ResNet18 at 32 pixels and 200 items; tests must not change it."""
    return BenchRelease(
        made_once(
            tmp_path_factory,
            "bench-release",
            lambda folder: bench_release(folder, items=200, photos=60, backbone="resnet18", size=32),
        )
    )
