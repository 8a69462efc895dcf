"""Tests of `benchmarks.figures.plots`."""

import pytest
from PIL import Image

from benchmarks.figures.plots import plot_sweep


@pytest.mark.parametrize("scale", ["linear", "log"])
def test_a_sweep_is_drawn(tmp_path, scale):
    series = {"ours": [1.0, 2.0, 4.0], "baseline": [2.0, 4.0, 8.0]}
    path = plot_sweep([1, 10, 100], series, tmp_path / "new" / "sweep.png", x_label="x", y_label="y", scale=scale)
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        colours = picture.convert("RGB").getcolors(1 << 20)
    assert colours is not None
    assert len(colours) > 10


def test_a_series_must_have_a_value_for_each_point(tmp_path):
    with pytest.raises(ValueError, match="ours has 2 values for 3 points of clients"):
        plot_sweep([1, 2, 3], {"ours": [1.0, 2.0]}, tmp_path / "sweep.png", x_label="clients", y_label="y")
