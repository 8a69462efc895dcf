import pytest
from PIL import Image

from training.plots import plot_confusion, plot_history, plot_per_category

HISTORY = [
    {"epoch": epoch, "lr": 0.1 / epoch, "train_loss": 3.0 / epoch, "val_loss": None, "val_accuracy": 0.2 * epoch,
     "val_recall4": None}
    for epoch in (1, 2, 3)
]  # fmt: skip


def colours(path):
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        return len(picture.convert("RGB").getcolors(1 << 20))


@pytest.mark.parametrize("epochs", [0, 1, 3])
def test_history_becomes_three_pictures(tmp_path, epochs):
    found = plot_history(HISTORY[:epochs], tmp_path)
    assert [path.name for path in found] == ["learning_rate.png", "loss.png", "accuracy.png"]
    assert all(colours(path) > 1 for path in found)


def test_a_curve_without_a_figure_draws_what_there_is(tmp_path):
    with_curve = plot_history(HISTORY, tmp_path)[2].read_bytes()
    blank = plot_history([figures | {"val_accuracy": None} for figures in HISTORY], tmp_path)[2].read_bytes()
    assert with_curve != blank


def test_the_confusion_matrix_takes_empty_categories(tmp_path):
    path = plot_confusion([[3, 1], [0, 0]], ["sofas & chairs", "new"], tmp_path / "confusion.png")
    assert colours(path) > 10


def test_categories_become_bars(tmp_path):
    bars = {"sofas": {"f1": 0.9, "count": 4}, "shoes": {"f1": 0.0, "count": 0}}
    assert colours(plot_per_category(bars, tmp_path / "bars.png")) > 3
