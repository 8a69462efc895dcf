"""Tests of the names that `scripts/bench` takes."""

import importlib
import inspect
import runpy

import pytest

from benchmarks.figures.table import Report
from benchmarks.inputs.bench_release import ROOT

SCRIPT = runpy.run_path(str(ROOT / "scripts" / "bench.py"))
NAMES = SCRIPT["NAMES"]


@pytest.mark.parametrize("name", NAMES)
def test_each_name_is_a_module_that_returns_a_report(name):
    run = importlib.import_module(SCRIPT["ELSEWHERE"].get(name, f"benchmarks.bench.{name}")).run
    signature = inspect.signature(run)
    assert list(signature.parameters) == ["quick", *(["items"] if name in SCRIPT["SIZED"] else [])]
    assert signature.return_annotation in (Report, "Report")
