"""Tests of `benchmarks.figures.machine`."""

import platform

from benchmarks.figures import machine


def test_the_processor_is_named_with_its_instruction_sets(tmp_path):
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("processor\t: 0\nmodel name\t: A Fast One\nflags\t\t: fpu avx2 avx512_vnni\n\nprocessor\t: 1\n")
    assert machine.processor(cpuinfo) == "A Fast One (avx2, avx512_vnni)"


def test_a_processor_without_cpuinfo_still_has_a_name(tmp_path):
    assert machine.processor(tmp_path / "absent").endswith("(no AVX2)")


def test_the_description_names_versions_and_threads():
    described = machine.describe()
    assert described["python"] == platform.python_version()
    assert set(machine.PACKAGES) < described.keys()
    assert "1 per process" in described["threads"]
    assert len(machine.lines(described)) == len(described)
