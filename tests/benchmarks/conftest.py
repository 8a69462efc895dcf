"""A small release to measure on, made by the code that makes the real one."""

import pytest

from benchmarks.inputs.bench_release import BenchRelease, bench_release


@pytest.fixture(scope="package")
def release(tmp_path_factory: pytest.TempPathFactory) -> BenchRelease:
    """ResNet18 at 32 and 200 items; not to be changed."""
    folder = tmp_path_factory.mktemp("bench") / "release"
    return bench_release(folder, items=200, photos=60, backbone="resnet18", size=32)
