"""The page and the module of docs/frontend.md in a browser, on an origin of their own."""

import re
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect
from starlette.staticfiles import StaticFiles

from lambda_app.store.folder import FolderStore
from tests.browser.conftest import Visit, served
from tests.docs.markdown import ROOT, fenced

TEXT = (ROOT / "docs" / "frontend.md").read_text(encoding="utf-8")
PageOf = Callable[..., str]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the module, and with the page once it is written."""
    (tmp_path / "lookalike.js").write_text(fenced(TEXT, "js"), encoding="utf-8")
    return tmp_path


@pytest.fixture
def origin(folder: Path) -> Iterator[str]:
    """Where the folder is served."""
    with (
        socket.create_server(("127.0.0.1", 0)) as listening,
        served(StaticFiles(directory=folder, html=True), listening),
    ):
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def search(visit: Visit, folder: Path, origin: str, api: str, photo: Path) -> None:
    """Open the page for a service, and choose a photo."""
    page = fenced(TEXT, "html")
    assert page.count("http://127.0.0.1:8000") == 1
    (folder / "index.html").write_text(page.replace("http://127.0.0.1:8000", api.rstrip("/")), encoding="utf-8")
    visit.page.goto(origin)
    visit.page.locator("#photo").set_input_files(photo)


def test_the_page_shows_listings_with_their_photos(
    folder: Path, origin: str, page_of: PageOf, visit: Visit, catalogue: tuple[FolderStore, Path]
) -> None:
    search(visit, folder, origin, page_of(cors_origins=origin), catalogue[1])
    expect(visit.page.locator("#state")).to_have_text(re.compile("^Category: .+"))
    expect(visit.page.locator("#results img")).to_have_count(8)
    expect(visit.page.locator("#results")).to_contain_text("Listing 3, 40")
    visit.page.wait_for_function("[...document.images].every((one) => one.naturalWidth > 0)")


def test_the_other_name_of_this_machine_is_another_origin(
    folder: Path, origin: str, page_of: PageOf, visit: Visit, catalogue: tuple[FolderStore, Path]
) -> None:
    api = page_of(cors_origins=origin.replace("127.0.0.1", "localhost"))
    search(visit, folder, origin, api, catalogue[1])
    expect(visit.page.locator("#state")).to_have_text("Failed to fetch")
    assert '"Failed to fetch"' in TEXT
