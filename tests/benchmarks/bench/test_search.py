from pathlib import Path

import pytest

from benchmarks.bench import search
from benchmarks.bench.neighbours.goals import GOALS, Goals
from benchmarks.bench.search import filter_sets, measure, rows_of, sweep
from benchmarks.inputs.synthetic import SyntheticCatalogue
from benchmarks.processes.search_probe import UNFILTERED, Figures
from lambda_app.release.manifest import IndexEntry

COUNT = 3_000


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> search.Sweep:
    """A small size, really measured in separate processes."""
    return measure(tmp_path_factory.mktemp("search"), COUNT, rounds=1)


@pytest.mark.slow
def test_a_size_is_measured(result: search.Sweep):
    assert result.entry.type == "ivf-float16"
    assert result.recall[UNFILTERED] > 0.99
    assert set(result.recall) == set(result.ours.seconds) == {UNFILTERED, *result.filtering} - {"0.01 % pass"}
    assert set(result.ours.fewest.values()) == {10}
    assert result.baseline is not None
    assert result.baseline.peak > 0


@pytest.mark.slow
def test_the_rows_of_a_sweep_have_goals(result: search.Sweep, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(GOALS, COUNT, Goals(recall=0.9, query=1000, file=1000, first=100_000))
    rows = {row.measure.strip(): row for row in rows_of(result)}
    assert all(
        rows[name].met for name in (f"{COUNT:,}: a query, ms", "recall@10", "file, MB", "open and first query, ms")
    )
    assert rows["50 % pass: a query, ms"].goal is not None
    assert rows["50 % pass: a query, ms"].baseline == rows[f"{COUNT:,}: a query, ms"].ours


def test_sizes_without_exact_search_have_no_baseline():
    entry = IndexEntry(file="index.faiss", sha256="0" * 64, bytes=5, type="ivf-int8", count=7)
    ours = Figures(first=0.1, seconds={UNFILTERED: [0.001, 0.002]}, fewest={UNFILTERED: 10}, threads=1.0, peak=1)
    rows = rows_of(search.Sweep(7, entry, ours, None, {UNFILTERED: 0.99}, {}, 1.0))
    assert rows[0].baseline is None
    assert rows[0].ours.median == 1.5


@pytest.mark.slow
def test_a_sweep_saves_a_plot_and_deletes_its_vectors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, result: search.Sweep
):
    monkeypatch.setattr(search, "ROOT", tmp_path)
    monkeypatch.setattr(search, "measure", lambda folder, count, rounds: result)
    report = sweep([COUNT], rounds=1)
    assert [path.name for path in (tmp_path / "var" / "bench").iterdir()] == ["search.png"]
    assert any("ivf-float16" in note for note in report.notes)


def test_each_filter_passes_the_share_in_its_name():
    sets, seconds = filter_sets(SyntheticCatalogue(20_000))
    assert len(sets["50 % pass"]) == pytest.approx(10_000, rel=0.05)
    assert len(sets["1 % pass"]) == pytest.approx(200, rel=0.3)
    assert set(sets) <= set(seconds)
