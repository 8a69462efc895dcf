"""The page: its files hang together, load nothing from elsewhere, and call only routes that the API has."""

import re
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

from lambda_app.api.app import create_app
from lambda_app.photo.rules import MEDIA_TYPES
from lambda_app.settings import Settings

WEB = Path(__file__).parents[3] / "lambda_app" / "api" / "web"
FILES = sorted(path.relative_to(WEB).as_posix() for path in WEB.rglob("*") if path.is_file())
SCRIPTS = [name for name in FILES if name.endswith(".js")]
IMPORT = re.compile(r'\bfrom "([^"]+)"')


class Page(HTMLParser):
    """Every tag of a page with its attributes."""

    def __init__(self, name: str = "index.html") -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed((WEB / name).read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def values(self, name: str) -> list[str]:
        """The values of one attribute, wherever it stands."""
        return [attributes[name] or "" for _, attributes in self.tags if name in attributes]


@pytest.fixture(scope="module")
def page():
    return Page()


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    """What the API offers: the paths of its OpenAPI document."""
    return create_app(Settings(store=str(tmp_path_factory.mktemp("store")))).openapi()["paths"]


def test_the_page_refers_only_to_files_that_are_there(page):
    linked = {link.removeprefix("static/") for link in page.values("src") + page.values("href") if "static/" in link}
    imported = {
        (WEB / script).parent.joinpath(name).resolve().relative_to(WEB).as_posix()
        for script in SCRIPTS
        for name in IMPORT.findall((WEB / script).read_text())
    }
    # What scripts import is named by the page too, so that browsers ask for all files at once.
    assert imported <= linked
    assert linked == set(FILES) - {"index.html", "docs.html", "docs.js"}


def test_links_are_relative_so_that_the_page_works_below_a_path(page):
    links = {link for link in page.values("src") + page.values("href") if not link.startswith(("static/", "#"))}
    assert links == {"docs", "release/report", "config.json"}


@pytest.mark.parametrize("name", FILES)
def test_nothing_is_loaded_from_elsewhere(name):
    text = (WEB / name).read_text(encoding="utf-8").replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert not re.search(r"https?://|url\(|@import|\bimport\(", text)


@pytest.mark.parametrize("page", [Page("index.html"), Page("docs.html")], ids=["index", "docs"])
def test_the_pages_hold_no_inline_code(page):
    assert not [name for _, attributes in page.tags for name in attributes if name == "style" or name.startswith("on")]
    assert "style" not in {tag for tag, _ in page.tags}
    assert all(attributes.get("src") for tag, attributes in page.tags if tag == "script")


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts_make_no_markup_from_text(name):
    markup = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|DOMParser"
    assert not re.search(markup, (WEB / name).read_text())


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts_parse(name):
    with (WEB / name).open() as source:
        checked = subprocess.run(
            ["node", "--input-type=module", "--check"], stdin=source, capture_output=True, text=True
        )
    assert checked.returncode == 0, checked.stderr


def test_every_element_that_a_script_asks_for_is_in_the_page(page):
    asked = re.compile(r'(?:byId|getElementById)\("([^"]+)"\)')
    wanted = {name for script in SCRIPTS for name in asked.findall((WEB / script).read_text())}
    assert wanted
    assert wanted <= set(page.values("id"))


def test_every_call_of_the_page_is_a_route_of_the_api(paths):
    offered = {f"{method.upper()} {path[1:]}" for path, methods in paths.items() for method in methods}
    called = set(re.findall(r'"((?:GET|POST|PUT|DELETE) [^"]+)"', (WEB / "api.js").read_text()))
    assert called
    assert called <= offered


def test_every_filter_of_the_page_is_a_parameter_of_the_search(page, paths):
    parameters = {entry["name"] for entry in paths["/predict"]["post"]["parameters"]}
    named = {attributes["name"] for tag, attributes in page.tags if tag in ("select", "input") and "name" in attributes}
    assert named == {"category", "min_price", "max_price", "min_score", "distinct", "q"}
    assert named <= parameters


def test_the_page_sends_as_they_are_the_photos_that_the_api_reads():
    (readable,) = re.findall(r"READABLE = \[(.+)\];", (WEB / "photo" / "prepare.js").read_text())
    assert {name.strip(' "') for name in readable.split(",")} == set(MEDIA_TYPES.values())


def test_every_control_has_a_label(page):
    path: list[str] = []
    unlabelled = []
    for tag, attributes in page.tags:
        path.append(tag)
        if tag in ("input", "select"):
            nearest = next(above for above in reversed(path[:-1]) if above in ("label", "form", "div"))
            unlabelled += [attributes] if nearest != "label" else []
    assert not unlabelled


def test_the_page_says_so_where_scripts_are_off():
    assert "<noscript>" in (WEB / "index.html").read_text()
