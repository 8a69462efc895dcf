import base64
import io

import numpy as np
import pytest
from PIL import Image

from training.evaluate.report.markup import Html, chart, html, photo, points, share, table
from training.evaluate.report.pictures import Picture


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "n/a"),
        (0.12345, "0.123"),
        (12345, "12,345"),
        (True, "True"),
        ("<b>&", "&lt;b&gt;&amp;"),
        (Html("<b>"), "<b>"),
    ],
)
def test_a_value_is_written_for_people_and_escaped(value, text):
    assert html(value) == text


def test_shares_and_differences_come_with_their_intervals():
    assert share(0.25, (0.1, 0.5)) == "25.0 % <small>10.0–50.0</small>"
    assert share(1.0) == "100.0 %"
    assert points(-0.051, (-0.1, 0.02)) == "−5.1 <small>−10.0 to +2.0</small>"
    assert points(0.5) == "+50.0"
    assert share(None) == points(None) == "n/a"


def test_a_table_names_its_rows_and_may_have_no_header():
    assert "<thead>" not in table((), [("a", 1)])
    found = table(("name", "n"), [("<i>", 1), ("b", None)], "a caption")
    assert '<th scope="row">&lt;i&gt;</th><td>1</td>' in found
    assert "<td>n/a</td>" in found
    assert "<caption>a caption</caption>" in found


def test_a_chart_carries_both_themes_within_itself():
    found = chart(Picture("a.png", 'a "chart"', b"light", b"dark"))
    for content in (b"light", b"dark"):
        assert f"data:image/png;base64,{base64.b64encode(content).decode()}" in found
    assert 'media="(prefers-color-scheme: dark)"' in found
    assert 'alt="a &quot;chart&quot;"' in found


def test_a_photo_is_shown_small():
    found = photo(np.full((500, 400, 3), 90, np.uint8), "grey")
    content = base64.b64decode(found.partition("base64,")[2].partition('"')[0])
    with Image.open(io.BytesIO(content)) as image:
        assert image.format == "JPEG"
        assert max(image.size) == 160
