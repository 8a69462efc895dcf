import io

import pytest
from PIL import Image

from training.evaluate.report.curves import Growth, epoch_axis, growth_of, plot_history

HISTORY = [
    {"epoch": epoch, "lr": 0.1 / epoch, "side": side, "train_loss": 3.0 / epoch, "val_loss": None,
     "val_accuracy": 0.2 * epoch, "val_recall4": None}
    for epoch, side in enumerate((48, 48, 64), start=1)
]  # fmt: skip
SAME_SIDE = [epoch | {"side": 64} for epoch in HISTORY]


@pytest.mark.parametrize("epochs", [0, 1, 3])
def test_the_history_is_drawn_as_three_charts(epochs):
    found = plot_history(HISTORY[:epochs])
    assert {picture.name for picture in found} == {"learning_rate.png", "loss.png", "accuracy.png"}
    for picture in found:
        for content in (picture.light, picture.dark):
            with Image.open(io.BytesIO(content)) as image:
                colours = image.convert("RGB").getcolors(1 << 20)
                assert colours is not None
                assert len(colours) > 1


def test_the_axis_of_one_epoch_has_whole_epochs():
    assert epoch_axis(1) == (0, 2)
    assert epoch_axis(2) is None


def test_a_curve_with_missing_figures_is_still_drawn():
    without = [figures | {"val_accuracy": None} for figures in HISTORY]
    assert plot_history(HISTORY)[1].light != plot_history(without)[1].light


def test_the_epoch_that_was_kept_is_marked_in_every_chart():
    for marked, plain in zip(plot_history(HISTORY, best_epoch=2), plot_history(HISTORY), strict=True):
        assert marked.light != plain.light


def test_the_epoch_in_which_the_photos_grew_is_marked_in_every_chart():
    for marked, plain in zip(plot_history(HISTORY), plot_history(SAME_SIDE), strict=True):
        assert marked.light != plain.light


@pytest.mark.parametrize(
    ("sides", "growth"),
    [
        ((48, 48, 64, 64), Growth(3, 48, 64)),
        ((48, 64), Growth(2, 48, 64)),
        # The time budget was exhausted before the first step of the last epoch.
        ((48, 64, None), Growth(2, 48, 64)),
        ((64, 64), None),
        ((64,), None),
        ((), None),
    ],
)
def test_growth_is_the_first_epoch_that_ends_with_larger_photos(sides, growth):
    assert growth_of([{"epoch": number, "side": side} for number, side in enumerate(sides, start=1)]) == growth


def test_a_history_without_the_side_has_no_growth():
    assert growth_of([{"epoch": 1}, {"epoch": 2}]) is None


def test_the_label_of_a_growth_names_both_sides():
    assert Growth(3, 48, 64).label == "photos grow from 48 to 64 pixels"
