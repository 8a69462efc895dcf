"""Every view is without findings of axe-core, in light and dark, loads nothing from elsewhere and logs no error."""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from lambda_app.store.folder import FolderStore
from tests.browser.conftest import PHONE, ROOT, Visit
from tests.browser.test_flows import photo_of

pytestmark = pytest.mark.slow

# A view must not move by itself more than this (Core Web Vitals: Cumulative Layout Shift).
MOST_SHIFT = 0.1
SHIFTS = """
  window.shift = 0;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shift += entry.value;
  }).observe({ type: "layout-shift", buffered: true });
"""


class Held:
    """Requests that wait until they are let go."""

    def __init__(self) -> None:
        self.routes: list[Route] = []
        self.open = False

    def __call__(self, route: Route) -> None:
        """Take a request."""
        if self.open:
            route.continue_()
        else:
            self.routes.append(route)

    def let_go(self) -> None:
        """Send all, and those to come."""
        self.open = True
        while self.routes:
            self.routes.pop(0).continue_()


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
    page, answer, photos = visit.page, Held(), Held()
    page.set_viewport_size(size)  # type: ignore[arg-type]
    page.add_init_script(SHIFTS)
    page.goto(page_of())
    expect(page.locator("#examples-list img")).to_have_count(8)
    # The answer comes late, and after it the photos of the cards.
    page.route("**/predict?*", answer)
    page.route("**/images/*", photos)
    # So large that the page makes it smaller first, and says so.
    data = photo_of(1700, 1200, quality=90)
    page.locator("#file").set_input_files({"name": "large.jpg", "mimeType": "image/jpeg", "buffer": data})
    expect(page.locator("#results .pending").first).to_be_visible()
    expect(page.get_by_text(re.compile("^Sending"))).to_be_visible(timeout=15_000)
    answer.let_go()
    expect(page.get_by_text("20 listings, most similar first")).to_be_visible()
    expect(page.get_by_text(re.compile("^Made smaller"))).to_be_visible()
    expect(page.locator("#category summary")).to_be_visible()
    assert photos.routes
    photos.let_go()
    expect(page.locator("#results img").first).to_have_js_property("complete", True)
    expect(page.locator("#results img").first).not_to_have_js_property("naturalWidth", 0)
    first = page.locator("#results .card").first.bounding_box()
    assert first is not None
    assert first["y"] + first["width"] < size["height"]  # its whole photo
    assert page.locator("#category").evaluate("(chip) => chip.offsetHeight") < 50  # one chip; the bars are behind it
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    assert page.evaluate("window.shift") <= MOST_SHIFT


def test_many_liked_listings_are_one_line_that_is_there_before_their_titles(
    page_of: Callable[..., str], visit: Visit
) -> None:
    page, items = visit.page, Held()
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    page.add_init_script(SHIFTS)
    page.route("**/items/*", items)
    liked = "&".join(f"like={number:03}{side}" for number in range(19) for side in "ab")
    page.goto(f"{page_of()}#{liked}")
    expect(page.locator("#choices-list button")).to_have_count(38)
    expect(page.locator("#results .title")).to_have_count(1)
    items.let_go()
    expect(page.get_by_role("button", name="Remove Listing 18", exact=True).first).to_be_attached()
    assert page.locator("#choices-list").evaluate("(list) => list.offsetHeight") < 60
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert page.evaluate("window.shift") <= MOST_SHIFT


def test_a_release_without_examples_and_words_moves_nothing(page_of: Callable[..., str], visit: Visit) -> None:
    page, examples = visit.page, Held()
    page.add_init_script(SHIFTS)
    page.route("**/examples", examples)
    release = {"release": "20260101-000000-aa", "categories": [], "count": 40, "words": False}
    page.route("**/release", lambda route: route.fulfill(json=release))
    page.goto(page_of())
    expect(page.locator("#results .title")).to_have_count(20)
    expect(page.locator("#results .title").first).to_be_hidden()
    examples.routes[0].fulfill(json={"examples": []})
    expect(page.locator("#results .title").first).to_be_visible()
    expect(page.locator("#examples")).to_be_hidden()
    expect(page.locator("#words")).to_be_hidden()
    assert page.evaluate("window.shift") <= MOST_SHIFT


DETAIL = "the body has 9 bytes; the limit is 5. Make the photo smaller, or send it by POST /uploads"
ERRORS = {429: "The service is busy", 503: "The service is busy", 413: "This photo is too large"}


@pytest.mark.parametrize("status", ERRORS)
def test_an_error_shows_no_filters_that_do_nothing(
    page_of: Callable[..., str], visit: Visit, catalogue: tuple[FolderStore, Path], status: int
) -> None:
    page = visit.page
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    page.route("**/predict?*", lambda route: route.fulfill(status=status, json={"detail": DETAIL}))
    page.goto(page_of())
    page.locator("#file").set_input_files(catalogue[1])
    expect(page.get_by_role("heading", name=ERRORS[status])).to_be_visible()
    expect(page.get_by_role("button", name="Filters")).to_be_hidden()
    expect(page.get_by_role("button", name="Only this category")).to_be_hidden()
    expect(page.locator("#category")).to_be_hidden()
    expect(page.get_by_text("POST /uploads")).to_have_count(0)
    expect(page.get_by_role("button", name="Try again")).to_be_visible(visible=status != 413)
    visit.picture(f"error-{status}")
    page.unroute("**/predict?*")
    visit.search(catalogue[1])
    expect(page.get_by_role("button", name="Filters")).to_be_visible()


def test_words_without_letters_are_explained(page_of: Callable[..., str], visit: Visit) -> None:
    visit.page.goto(f"{page_of()}?q=!!!")
    expect(visit.page.locator("#failure-detail")).to_have_text(re.compile("^the text of your search is '!!!'"))


def test_a_filter_that_is_refused_can_be_removed(page_of: Callable[..., str], visit: Visit) -> None:
    visit.page.goto(f"{page_of()}#browse=all&category=Gone")
    expect(visit.page.get_by_role("heading", name="The service refused this search")).to_be_visible()
    visit.page.get_by_role("button", name="Remove filter: Gone").click()
    expect(visit.page.locator("#results .title")).to_have_count(20)
    visit.restrict(1)
    expect(visit.page.get_by_text("No listings match these filters. Change or clear them.")).to_be_visible()


def test_a_gate_is_accessible(page_of: Callable[..., str], visit: Visit, axe: str) -> None:
    visit.page.goto(page_of(auth="iam"))
    expect(visit.page.get_by_role("heading", name="This deployment takes signed requests only")).to_be_visible()
    assert findings(visit.page, axe) == []
