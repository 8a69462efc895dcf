import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.inputs.synthetic import SyntheticCatalogue
from benchmarks.peers import engines, inputs
from benchmarks.peers.measured import PeersError, Plan, check, measure
from benchmarks.peers.process import Built, Measured, Tried, chosen
from benchmarks.peers.report import best, lines, plot
from benchmarks.peers.result import Failed, Result, Size


def _size() -> Size:
    tried = (Tried((10,), 0.9, 0.1), Tried((20,), 0.98, 0.2))
    rounds = [Measured(5.0, 0.21, 0.4, 0.979, None, None), Measured(7.0, 0.19, 0.6, 0.979, None, None)]
    result = Result("hnswlib", Built(3.2, 6.1, 12_000_000), tried, tried[1], rounds)
    ours = replace(result, name="ours", rounds=[Measured(1.0, 0.1, 0.2, 0.99, 0.3, 0.95)], chosen=Tried((), 0.99, 0.1))
    return Size(1000, 0.99, [ours, result], [Failed("usearch, float16", "usearch is not installed")])


def test_the_fastest_setting_that_reaches_the_recall_is_chosen_else_the_best_one():
    tried = [Tried((1,), 0.9, 0.1), Tried((2,), 0.99, 0.4), Tried((3,), 0.98, 0.2)]
    assert chosen(tried, 0.95).setting == (3,)
    assert chosen(tried, 0.999).setting == (2,)


def test_the_table_has_medians_and_says_what_was_not_measured():
    text = "\n".join(lines(_size()))
    assert (
        "| hnswlib | 20 (its best) | 0.9790 | 0.200 (0.190..0.210) | 0.500 | 3 | 6 | 12.0 | 6.0 | no filter |" in text
    )
    assert "| ours | its own | 0.9900 | 0.100 (0.100..0.100) |" in text
    assert "| usearch, float16 | not measured: usearch is not installed |" in text
    assert len({line.count("|") for line in text.splitlines() if line.startswith("|")}) == 1


def test_the_plot_is_a_picture_of_what_no_other_setting_beats(tmp_path: Path):
    assert best([(0.9, 1.0), (0.95, 0.5), (1.0, 2.0)]) == [(0.95, 0.5), (0.99995, 2.0)]
    assert plot(_size(), tmp_path / "peers.png").read_bytes().startswith(b"\x89PNG")


def test_the_figures_can_be_written_as_json():
    assert json.loads(json.dumps(_size().as_json()))["results"][0]["chosen"]["recall"] == 0.99


def test_without_the_extra_the_command_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(PeersError, match=r"none of hnswlib, scann, usearch is installed; run scripts/setup peers"):
        check(list(engines.ENGINES))
    check([engines.OURS, "FAISS IVF,SQ8"])  # these need nothing else
    with pytest.raises(PeersError, match="unknown engine annoy; there are: ours; ScaNN"):
        check(["annoy"])


def test_inputs_are_those_that_were_written(tmp_path: Path):
    catalogue = SyntheticCatalogue(2000)
    inputs.write(tmp_path, catalogue, 20)
    read = inputs.Inputs(tmp_path)
    assert read.tuning.shape == read.reported.shape == (20, 256)
    assert not np.array_equal(read.tuning, read.reported)
    assert len(read.allowed) == np.count_nonzero(catalogue.categories() == 0)
    own = np.argsort(-(read.reported @ read.vectors().astype(np.float32).T), axis=1)[:, :10]
    assert read.recall(own, "reported") == 1
    with pytest.raises(ValueError, match="found rows that it leaves out"):
        read.recall(own, "filtered")


@pytest.mark.slow
def test_engines_are_measured_in_processes_and_a_failure_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(
        engines.ENGINES, "hnswlib", replace(engines.ENGINES["hnswlib"], package="a_package_that_is_missing")
    )
    size = measure(tmp_path, 2500, Plan(rounds=2, engines=["hnswlib", "FAISS IVF,SQ8"], queries=50))
    assert [result.name for result in size.results] == ["ours", "FAISS IVF,SQ8"]
    assert [failed.name for failed in size.failed] == ["hnswlib"]
    for result in size.results:
        assert len(result.rounds) == 2
        assert result.rounds[0].recall == result.rounds[1].recall
        assert result.rounds[0].filtered_recall is not None
