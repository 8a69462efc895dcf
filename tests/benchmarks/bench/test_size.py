"""Tests of `benchmarks.bench.size`."""

from benchmarks.bench.size import by_package, serving_requirements, total
from benchmarks.inputs.bench_release import ROOT


def test_the_size_of_a_package_counts_only_files_that_exist(tmp_path):
    for name, size in (("small-1.0", 10), ("large_one-2.1", 100)):
        package = name.partition("-")[0]
        (tmp_path / package).mkdir()
        (tmp_path / package / "code, here.py").write_bytes(bytes(size))
        (tmp_path / f"{name}.dist-info").mkdir()
        record = f'"{package}/code, here.py",sha256=abc,{size}\n{package}/gone.py,sha256=abc,5000\n'
        (tmp_path / f"{name}.dist-info" / "RECORD").write_text(record)
    assert by_package(tmp_path) == [("large_one 2.1", 100), ("small 1.0", 10)]
    assert total(tmp_path / "small") == 10


def test_the_serving_requirements_match_the_image():
    requirements = serving_requirements(ROOT / "pyproject.toml")
    assert any(requirement.startswith("onnxruntime") for requirement in requirements)
    assert not any(requirement.startswith(("torch", "uvicorn", "moto")) for requirement in requirements)
