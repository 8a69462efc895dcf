from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from benchmarks.bench.neighbours.segments import LIKE, make_inputs, measure, segment_sizes
from lambda_app.search.building.choice import build_index


def test_the_sizes_of_segments_fall_and_hold_all_rows():
    assert segment_sizes(10_000, 1, 1) == [10_000]
    sizes = segment_sizes(10_000, 6, 3)
    assert sum(sizes) == 10_000
    assert all(2 * later < earlier for earlier, later in pairwise(sizes))


def test_added_rows_are_a_tenth_and_partly_like_nothing_in_the_base():
    inputs = make_inputs(2_000, 50)
    assert (len(inputs.base), len(inputs.added)) == (2_000, 200)
    nearest = {
        name: (queries @ inputs.base.astype(np.float32).T).max(axis=1) for name, queries in inputs.queries.items()
    }
    assert nearest[LIKE].mean() > nearest["new kinds"].mean() > nearest["unlike the base"].mean()


@pytest.mark.slow
def test_every_variant_is_measured_beside_the_base_alone(tmp_path: Path):
    inputs = make_inputs(2_000, 20)
    entry = build_index(inputs.base, "ivf-float16", tmp_path / "base.faiss", seed=0)
    rows = measure(tmp_path, inputs, entry, rounds=1)
    assert [row.goal is not None for row in rows].count(True) == 12
    assert all(row.baseline is not None and row.ratio is not None and row.ratio > 0 for row in rows)
    assert all(0.9 <= row.ours.median <= 1 for row in rows if "like the base" in row.measure)
