"""Every view is without findings of axe-core, in light and dark, loads nothing from elsewhere and logs no error."""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from lambda_app.store.folder import FolderStore
from tests.browser.conftest import PHONE, ROOT, Visit

pytestmark = pytest.mark.slow

# A view must not move by itself more than this (Core Web Vitals: Cumulative Layout Shift).
MOST_SHIFT = 0.1
SHIFTS = """
  window.shift = 0;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shift += entry.value;
  }).observe({ type: "layout-shift", buffered: true });
"""


@pytest.fixture(scope="module")
def axe() -> str:
    """The source of axe-core, as npm installs it."""
    folders = [ROOT / "node_modules", *map(Path, filter(None, os.environ.get("NODE_PATH", "").split(os.pathsep)))]
    found = [path for folder in folders if (path := folder / "axe-core" / "axe.min.js").is_file()]
    if not found:
        pytest.skip("axe-core is not installed: npm ci")
    return found[0].read_text(encoding="utf-8")


def findings(page: Page, axe: str) -> list[str]:
    """What axe-core finds on the page as it is, by its default rules."""
    # By the tools of the browser, because the page's policy allows no code of others.
    page.evaluate(axe)
    violations: list[dict[str, Any]] = page.evaluate("axe.run().then((results) => results.violations)")
    return [f"{one['id']}: {node['html'][:160]} {node['any'][:1]}" for one in violations for node in one["nodes"]]


def home(page: Page, _: Path) -> None:
    expect(page.locator("#examples-list img")).to_have_count(8)


def photo(page: Page, photo: Path) -> None:
    page.locator("#file").set_input_files(photo)
    expect(page.get_by_text("20 listings, most similar first")).to_be_visible()


def opened(page: Page, path: Path) -> None:
    photo(page, path)
    page.locator("#category summary").click()
    page.get_by_role("button", name="Only this category").click()
    page.get_by_role("button", name="Filters").click()
    page.get_by_label("Lowest price").fill("9")
    page.get_by_label("Highest price").fill("1")
    page.get_by_label("Highest price").press("Tab")
    expect(page.locator("#price-error")).to_be_visible()


def item(page: Page, _: Path) -> None:
    page.locator("#results .title").nth(7).click()
    expect(page.get_by_role("region", name="Description")).to_be_visible()
    expect(page.get_by_text("19 listings, most similar first")).to_be_visible()


def words(page: Page, _: Path) -> None:
    page.get_by_role("searchbox").fill("listing 7")
    page.get_by_role("searchbox").press("Enter")
    expect(page.get_by_text(re.compile("best match first"))).to_be_visible()


def nothing(page: Page, _: Path) -> None:
    page.get_by_role("searchbox").fill("zeppelin")
    page.get_by_role("searchbox").press("Enter")
    expect(page.get_by_text("No listings were found for these words. Try other words.")).to_be_visible()


def browse(page: Page, _: Path) -> None:
    page.get_by_role("navigation", name="Categories").get_by_role("link", name="Other Goods").click()
    expect(page.get_by_role("heading", name="Other Goods", level=1)).to_be_visible()
    expect(page.locator("#results .title")).to_have_count(2)


def likes(page: Page, _: Path) -> None:
    page.get_by_role("button", name="Less like Listing 4", exact=True).click()
    page.get_by_role("button", name="More like Listing 3", exact=True).click()
    expect(page.get_by_role("button", name="Remove Listing 4")).to_be_visible()
    expect(page.locator("#results .title")).to_have_count(18)


def code(page: Page, path: Path) -> None:
    photo(page, path)
    page.get_by_role("button", name="As code").click()
    expect(page.get_by_role("dialog", name="This search as code")).to_be_visible()


def part(page: Page, path: Path) -> None:
    photo(page, path)
    page.get_by_role("button", name="Select a part").click()
    expect(page.get_by_role("dialog", name="Select a part of the photo")).to_be_visible()


def failure(page: Page, _: Path) -> None:
    page.goto(page.url.split("#")[0] + "#item=nothing")
    expect(page.get_by_role("heading", name="Not found")).to_be_visible()


VIEWS = (home, photo, opened, item, words, nothing, browse, likes, code, part, failure)


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.__name__)
def test_a_view_is_accessible_still_and_of_one_origin(
    page_of: Callable[..., str], visit: Visit, catalogue: tuple[FolderStore, Path], axe: str, view: Callable[..., None]
) -> None:
    page, errors = visit.page, []
    expected = "404" if view is failure else "no status"
    page.on(
        "console", lambda said: errors.append(said.text) if said.type == "error" and expected not in said.text else None
    )
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.add_init_script(SHIFTS)
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    address = page_of(listing_url="/shop/{product_id}")
    page.goto(address)
    expect(page.locator("#results .title").first).to_be_visible()
    view(page, catalogue[1])
    assert page.evaluate("window.shift") <= MOST_SHIFT
    assert page.locator("h1:visible").count() == 1
    visit.picture(view.__name__)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        assert findings(page, axe) == []
    assert [request.url for request in visit.requests if not request.url.startswith((address, "blob:"))] == []
    # Chromium itself logs an answer 404.
    assert [error for error in errors if not (view is failure and "404" in error)] == []


@pytest.mark.parametrize("size", [PHONE, {"width": 768, "height": 1024}, {"width": 1440, "height": 900}], ids=str)
def test_results_are_in_the_first_screen_and_move_nothing(
    page_of: Callable[..., str], visit: Visit, catalogue: tuple[FolderStore, Path], size: dict[str, int]
) -> None:
    page, held = visit.page, []
    page.set_viewport_size(size)  # type: ignore[arg-type]
    page.add_init_script(SHIFTS)
    page.route("**/predict?*", lambda route: held.append(route))
    page.goto(page_of())
    page.locator("#file").set_input_files(catalogue[1])
    expect(page.locator("#results .pending").first).to_be_visible()
    expect(page.get_by_text(re.compile("^Sending"))).to_be_visible()
    held[0].continue_()
    expect(page.get_by_text("20 listings, most similar first")).to_be_visible()
    expect(page.locator("#results img").first).to_have_js_property("complete", True)
    first = page.locator("#results .card").first.bounding_box()
    assert first is not None
    assert first["y"] + first["width"] < size["height"]  # its whole photo
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    assert page.evaluate("window.shift") <= MOST_SHIFT


def test_a_gate_is_accessible(page_of: Callable[..., str], visit: Visit, axe: str) -> None:
    visit.page.goto(page_of(auth="iam"))
    expect(visit.page.get_by_role("heading", name="This deployment takes signed requests only")).to_be_visible()
    assert findings(visit.page, axe) == []
