"""The page in a real browser, where nobody signs in."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from lambda_app.store.folder import FolderStore
from tests.browser.conftest import Visit

pytestmark = pytest.mark.slow


def test_without_auth_a_visitor_searches_at_once(
    page_of: Callable[..., str], visit: Visit, catalogue: tuple[FolderStore, Path]
) -> None:
    errors: list[str] = []
    visit.page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    visit.page.goto(page_of())
    expect(visit.page.get_by_role("button", name=re.compile("Sign"))).to_have_count(0)
    visit.search(catalogue[1])
    visit.page.locator("#results .card .title").first.click()
    expect(visit.page.get_by_role("heading", name=re.compile("^More like “Listing"))).to_be_visible()
    expect(visit.page.locator("#results img").first).to_have_js_property("complete", True)
    assert visit.page.locator("#query-photo").evaluate("(image) => image.naturalWidth") > 0
    assert errors == []


def test_further_photos_of_the_same_thing_are_searched_together(
    page_of: Callable[..., str], visit: Visit, catalogue: tuple[FolderStore, Path]
) -> None:
    page, (_, photo) = visit.page, catalogue
    page.goto(page_of())
    expect(page.get_by_text("Add a photo")).to_be_hidden()
    visit.search(photo)
    photos = sorted(photo.parent.glob("*.jpg"))
    with page.expect_request("**/predict?*") as sent:
        page.locator("#more-photos").set_input_files(photos[1])
    assert (sent.value.post_data_buffer or b"").count(b'name="file"') == 2
    expect(page.get_by_role("heading", name="Your 2 photos")).to_be_visible()
    expect(page.locator("#query-others img")).to_have_count(1)
    expect(page.locator("#results .card .title").first).to_be_visible()
    with page.expect_request("**/predict?*") as sent:
        page.locator("#more-photos").set_input_files(photos[2:6])
    assert (sent.value.post_data_buffer or b"").count(b'name="file"') == 4
    expect(page.get_by_text("2 photos left out: a search takes at most 4.")).to_be_visible()
    expect(page.get_by_text("Add a photo")).to_be_hidden()
    visit.picture("four-photos")
    page.go_back()
    expect(page.get_by_role("heading", name="Your 2 photos")).to_be_visible()
    expect(page.get_by_text("Add a photo")).to_be_visible()


def test_words_find_listings_alone_and_together_with_a_photo(
    page_of: Callable[..., str], visit: Visit, catalogue: tuple[FolderStore, Path]
) -> None:
    page = visit.page
    page.goto(page_of())
    box = page.get_by_role("searchbox", name="Search by words")
    box.fill("listing 7")
    box.press("Enter")
    expect(page.get_by_role("heading", name="Listings for “listing 7”")).to_be_visible()
    expect(page.locator("#results .card").first).to_contain_text("Listing 7")
    expect(page.locator("#results .score")).to_have_count(0)
    expect(page.get_by_text("New photo", exact=True)).to_be_visible()
    visit.picture("words")
    page.reload()
    expect(box).to_have_value("listing 7")
    expect(page.locator("#results .card").first).to_contain_text("Listing 7")
    with page.expect_request("**/predict?*") as sent:
        page.locator("#file").set_input_files(catalogue[1])
    assert "q=listing+7" in sent.value.url
    expect(page.get_by_text(re.compile("^20 listings, best match first$"))).to_be_visible()
    expect(page.locator("#results .score")).to_have_count(20)
    with page.expect_request("**/predict?*") as sent:
        box.fill("")
        box.press("Enter")
    assert "q=" not in sent.value.url


def test_a_listing_is_shown_with_its_description(page_of: Callable[..., str], visit: Visit) -> None:
    page = visit.page
    page.goto(page_of() + "?q=oak")
    page.locator("#results .title", has_text="Listing 7").click()
    description = page.get_by_role("region", name="Description")
    expect(description).to_have_text("Solid oak, hardly used")
    visit.picture("description")
    page.go_back()
    expect(page.get_by_role("heading", name="Listings for “oak”")).to_be_visible()
    expect(description).to_be_hidden()


def test_a_link_with_words_searches_for_them_and_says_that_there_are_none(
    page_of: Callable[..., str], visit: Visit
) -> None:
    page = visit.page
    page.goto(page_of() + "?q=zeppelin")
    for _ in range(2):
        expect(page.get_by_text("No listings were found for these words. Try other words.")).to_be_visible()
        expect(page.get_by_role("searchbox", name="Search by words")).to_have_value("zeppelin")
        page.reload()


@pytest.mark.parametrize(
    ("auth", "title", "advice"),
    [
        ("iam", "This deployment takes signed requests only", "scripts/ask --sigv4"),
        ("jwt", "Sign-in is not set up", "jwtClientId"),
    ],
)
def test_a_page_that_cannot_search_says_so_before_a_photo_is_chosen(
    page_of: Callable[..., str], visit: Visit, auth: str, title: str, advice: str
) -> None:
    visit.page.goto(page_of(auth=auth))
    expect(visit.page.get_by_role("heading", name=title)).to_be_visible()
    expect(visit.page.get_by_text(advice)).to_be_visible()
    expect(visit.page.get_by_text("Choose a photo")).to_be_hidden()
    expect(visit.page.get_by_role("button")).to_have_count(0)
    visit.picture(f"closed-{auth}")
    assert [request.url for request in visit.requests if request.url.endswith("/release")] == []


def test_a_service_that_does_not_answer_can_be_tried_again(page_of: Callable[..., str], visit: Visit) -> None:
    page = visit.page
    page.route("**/config.json", lambda route: route.abort())
    page.goto(page_of())
    expect(page.get_by_role("heading", name="The service cannot be reached")).to_be_visible()
    page.unroute("**/config.json")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_text("Choose a photo")).to_be_visible()


@pytest.mark.parametrize(
    ("auth", "metadata", "expected"),
    [
        (
            "cognito",
            {"authorization_endpoint": "https://d.auth.eu-west-1.amazoncognito.com/oauth2/authorize"},
            "https://d.auth.eu-west-1.amazoncognito.com/logout?client_id=page&logout_uri=https%3A%2F%2Fapi.example%2F",
        ),
        (
            "jwt",
            {"end_session_endpoint": "https://login.example/end?realm=1"},
            "https://login.example/end?realm=1&client_id=page&post_logout_redirect_uri=https%3A%2F%2Fapi.example%2F"
            "&id_token_hint=id",
        ),
        ("jwt", {}, None),
    ],
)
def test_signing_out_leads_where_the_provider_ends_its_session(
    page_of: Callable[..., str], visit: Visit, auth: str, metadata: dict[str, str], expected: str | None
) -> None:
    visit.page.goto(page_of())
    script = """async ([metadata, auth]) => {
      const { signOutUrl } = await import("/static/oidc.js");
      return signOutUrl(metadata, { client_id: "page" }, "id", "https://api.example/", auth);
    }"""
    assert visit.page.evaluate(script, [metadata, auth]) == expected


def test_a_listing_with_the_photo_of_the_search_says_so(
    page_of: Callable[..., str], visit: Visit, catalogue: tuple[FolderStore, Path]
) -> None:
    page = visit.page
    page.goto(page_of())
    visit.search(catalogue[1])
    first = page.locator("#results .card").first
    expect(first.get_by_text("Same photo", exact=True)).to_be_visible()
    expect(page.locator("#results .card")).not_to_have_count(page.locator("#results .same").count())
    first.locator(".title").click()
    expect(page.get_by_role("heading", name=re.compile("^More like “Listing"))).to_be_visible()
    expect(page.locator("#results .same")).to_have_count(0)
