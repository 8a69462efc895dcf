import base64
import shutil
import tomllib

import pytest
from jinja2 import UndefinedError

from training.evaluate.report.pictures import Picture
from training.evaluate.report.rendering import (
    FOLDER,
    appearance,
    environment,
    number,
    percent,
    point_ends,
    points,
    render,
    style,
)

TEMPLATES = sorted(path.name for path in (FOLDER / "templates").iterdir())


def written(macro, *arguments):
    """The output of a macro."""
    source = f"{{% from 'macros.html.jinja' import {macro} %}}{{{{ {macro}(*arguments) }}}}"
    return environment().from_string(source).render(arguments=arguments)


@pytest.fixture
def copy(tmp_path):
    """A copy of the templates and the style sheet that a test may change."""
    shutil.copytree(FOLDER / "templates", tmp_path / "templates")
    shutil.copy(FOLDER / "style.css", tmp_path)
    return tmp_path


@pytest.mark.parametrize(("value", "text"), [(None, "n/a"), (0.12345, "0.123"), (12345, "12,345"), (0, "0")])
def test_numbers_are_readable(value, text):
    assert number(value) == text


def test_shares_and_differences_are_written_in_percent_and_in_points():
    assert percent(0.25) == "25.0 %"
    assert percent(0.876, 0) == "88 %"
    assert points(-0.051) == "−5.1"
    assert points(0.5) == "+50.0"
    assert point_ends((-0.1, 0.02)) == "−10.0 to +2.0"
    assert percent(None) == points(None) == "n/a"


def test_shares_and_differences_come_with_their_intervals():
    assert written("share", 0.25, (0.1, 0.5)) == "25.0 % <small>10.0–50.0</small>"
    assert written("share", 1.0) == "100.0 %"
    assert written("share", None, None) == "n/a"
    lead = {"difference": -0.051, "interval": (-0.1, 0.02)}
    assert written("difference", lead) == "−5.1 <small>−10.0 to +2.0</small>"
    assert written("difference", {"difference": 0.5, "interval": None}) == "+50.0"


def test_values_are_escaped():
    assert environment().from_string("{{ name }}").render(name="<b>&") == "&lt;b&gt;&amp;"


def test_a_name_without_a_value_is_an_error():
    with pytest.raises(UndefinedError, match="test"):
        render("tiles.html.jinja", figures={"leads": {}}, headline="recall@4")


def test_a_chart_has_both_themes_and_its_caption():
    picture = Picture("a.png", 'a "chart"', b"light", b"dark")
    source = "{% from 'macros.html.jinja' import chart %}{% call chart(picture) %}Read it so.{% endcall %}"
    found = environment().from_string(source).render(picture=picture)
    for content in (b"light", b"dark"):
        assert f"data:image/png;base64,{base64.b64encode(content).decode()}" in found
    assert 'media="(prefers-color-scheme: dark)"' in found
    assert 'alt="a &#34;chart&#34;"' in found
    assert "<figcaption>\nRead it so.</figcaption>" in found


def test_an_installed_package_has_the_templates_and_the_style_sheet():
    root = FOLDER.parents[2]
    setuptools = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    packed = {path for pattern in setuptools["package-data"]["training"] for path in (root / "training").glob(pattern)}
    assert packed == {path for path in FOLDER.rglob("*") if path.suffix in (".css", ".jinja")}
    assert FOLDER / "templates" / "page.html.jinja" in packed


def test_the_style_sheet_is_read_from_the_folder(copy):
    (copy / "style.css").write_text("p { margin: 0; }")
    assert style(copy) == "p { margin: 0; }"


def test_the_appearance_does_not_depend_on_the_folder(copy):
    assert appearance(copy) == appearance()


@pytest.mark.parametrize("name", ["style.css", *(f"templates/{name}" for name in TEMPLATES)])
def test_a_change_of_any_file_changes_the_appearance(copy, name):
    (copy / name).write_text((copy / name).read_text() + " ")
    assert appearance(copy) != appearance()


def test_a_new_or_renamed_template_changes_the_appearance(copy):
    (copy / "templates" / "extra.html.jinja").write_text("")
    extra = appearance(copy)
    (copy / "templates" / "extra.html.jinja").rename(copy / "templates" / "other.html.jinja")
    assert len({extra, appearance(copy), appearance()}) == 3
