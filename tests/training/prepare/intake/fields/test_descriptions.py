import random
from html.parser import HTMLParser

import pytest

from training.prepare.intake.fields.descriptions import MOST_CHARACTERS, MOST_READ, description_or_none


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("", None),
        (" \n\t ", None),
        ("N/A", None),
        ("<p>null</p>", None),
        ("<p>&nbsp;</p>\n<br>", None),
        ("Solid oak.", "Solid oak."),
        ("Solid\r\n\r\noak,\u00a0 90\u2009cm", "Solid oak, 90 cm"),
        ("<p>Solid oak</p><p>90 cm</p>", "Solid oak 90 cm"),
        ("<ul><li>One</li><li>Two</li></ul>", "One Two"),
        ("One<br/>Two<BR>Three", "One Two Three"),
        ("<b>So</b>fa<span style='x'>bed</span>!", "Sofabed!"),
        ("Tom &amp; Jerry&#39;s", "Tom & Jerry's"),
        ("<p>5 &lt; 6 &amp;amp; 7 &gt; 2</p>", "5 < 6 & 7 > 2"),
        ("&lt;p&gt;Solid &amp;amp; oak&lt;/p&gt;", "Solid & oak"),
        ("<![CDATA[<p>Oak</p>]]>", "Oak"),
        ("Oak<!-- not this > --> table", "Oak table"),
        ("<style>p > a {color: red}</style><p>Oak</p><SCRIPT>if (a < b) alert('x')</SCRIPT> table", "Oak table"),
        ("<script src=x />Oak", "Oak"),
        ("<script>never closed", "never closed"),
        ("<!-- never closed", "never closed"),
        ('<img alt="a > b" src=x>Oak', "Oak"),
        ("<p title=don't>Oak</p>", "Oak"),
        ('Oak table <a href="https://example.org/a', "Oak table"),
        ("width < 5 and height > 3, a <3 b", "width < 5 and height > 3, a <3 b"),
        ("write to <sales@example.org>", "write to <sales@example.org>"),
        ("Cafe\u0301 so\u00adfa\u200b \ufeffbed", "Café sofa bed"),
        ("one\x00two\x1b\ud800three", "one two three"),
        ("沙发 &#27801;", "沙发 沙"),
    ],
)
def test_html_becomes_plain_text(cell: str, text: str | None):
    assert description_or_none(cell) == (text, False)


def test_a_long_description_is_cut_at_a_blank():
    words = "word " * 300
    text, cut = description_or_none(words)
    assert cut
    assert text == words[: MOST_CHARACTERS - 1]
    assert description_or_none("x" * MOST_CHARACTERS) == ("x" * MOST_CHARACTERS, False)
    assert description_or_none("沙" * 2 * MOST_CHARACTERS) == ("沙" * MOST_CHARACTERS, True)
    assert description_or_none(f"{'<p class=x> </p>' * 1000}Oak") == ("Oak", False)


def test_of_a_huge_cell_only_the_beginning_is_read():
    assert description_or_none(f"Oak{'<p> </p>' * MOST_READ}table") == ("Oak", True)


def test_the_words_are_those_that_pythons_own_parser_finds():
    """Random pages against html.parser, which reads what browsers read."""
    pieces = (
        "oak ",
        "<p>",
        "</p>",
        "<br/>",
        "<b>",
        "</b>",
        "a &lt; b ",
        "<!-- <p> -->",
        '<a href="x > y">',
        "</a>",
        "5 > 3 ",
    )
    random_ = random.Random(0)
    for _ in range(200):
        page = "".join(random_.choices(pieces, k=30))
        parser = _Words()
        parser.feed(page)
        parser.close()
        assert description_or_none(page) == (" ".join("".join(parser.parts).split()) or None, False), page


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []

    def handle_data(self, data: str) -> None:
        self.parts.append(data)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.parts.append("" if tag in ("b", "a") else " ")

    def handle_endtag(self, tag: str) -> None:
        self.handle_starttag(tag, None)

    def handle_comment(self, data: str) -> None:
        self.parts.append(" ")
