from pathlib import Path

import pytest

from tests.docs import markdown
from tests.docs.markdown import ROOT

PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
# Keys of the store, not files of the repository.
IN_THE_STORE = ("training/schedule/",)
ABOUT_THE_CODE = [ROOT / "docs" / "design.md", ROOT / "CONTRIBUTING.md"]


def test_the_pages_are_found():
    names = {path.name for path in PAGES}
    assert {"README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "design.md", "aws.md"} <= names


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_are_not_broken(page: Path):
    assert list(markdown.broken_links(page)) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_paths_exist(page: Path):
    text = page.read_text(encoding="utf-8")
    assert page not in ABOUT_THE_CODE or len(markdown.paths(text)) > 5
    assert [path for path in markdown.missing_paths(text) if not path.startswith(IN_THE_STORE)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_exist(page: Path):
    named = {word for span in markdown.spans(page.read_text(encoding="utf-8")) for word in span.split()[:1]}
    commands = {word for word in named if word.startswith("scripts/") and not word.endswith("/")}
    assert [command for command in sorted(commands) if not (ROOT / command).is_file()] == []
