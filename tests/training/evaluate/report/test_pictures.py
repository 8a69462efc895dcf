import io

import pytest
from matplotlib import rcParams
from matplotlib.figure import Figure
from PIL import Image

from training.evaluate.report.pictures import DARK, LIGHT, families, picture, plain


def drawn(theme):
    figure = Figure(figsize=(2, 2))
    figure.add_subplot().plot([0, 1], label="a line", color=theme.series[0])
    figure.axes[0].legend()
    return figure


def corner(png):
    with Image.open(io.BytesIO(png)) as image:
        return "#" + image.convert("RGB").crop((0, 0, 1, 1)).tobytes().hex()


def test_a_picture_is_drawn_for_light_and_for_dark_pages(tmp_path):
    found = picture("line.png", "a line", drawn)
    assert corner(found.light) == LIGHT.page
    assert corner(found.dark) == DARK.page
    path = found.save(tmp_path)
    assert path.name == "line.png"
    assert path.read_bytes() == found.light


def test_labels_use_only_installed_fallback_fonts():
    assert families(["Liberation Sans"]) == ["DejaVu Sans"]
    assert families(["PingFang SC", "DejaVu Sans", "Noto Sans CJK JP"]) == [
        "DejaVu Sans", "Noto Sans CJK JP", "PingFang SC",
    ]  # fmt: skip


def test_drawing_does_not_change_the_global_fonts():
    def drawn_in_our_font(theme):
        assert rcParams["font.family"][0] == "DejaVu Sans"
        return drawn(theme)

    before = rcParams["font.family"]
    picture("line.png", "a line", drawn_in_our_font)
    assert rcParams["font.family"] == before


@pytest.mark.parametrize(
    ("name", "label"),
    [("Shoes", "Shoes"), ("Under $5", r"Under \$5"), ("x" * 40, "x" * 31 + "…"), ("ab " * 20, ("ab " * 20)[:31] + "…")],
)
def test_a_label_is_short_and_not_read_as_a_formula(name, label):
    assert plain(name) == label.replace(" …", "…")
