"""What the page offers for a search: examples, likes, filters, parts of a photo, more results, code."""

import io
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, Route, expect

from lambda_app.store.contract import OBJECTS, RELEASES
from lambda_app.store.folder import FolderStore
from tests.browser.conftest import Visit
from tests.releases import CREATED_AT, build_release

pytestmark = pytest.mark.slow


@pytest.fixture
def page(page_of: Callable[..., str], visit: Visit) -> Page:
    """The start page, where nobody signs in."""
    visit.page.goto(page_of(listing_url="https://shop.example/items/{product_id}"))
    expect(visit.page.locator("#results .title").first).to_be_visible()
    return visit.page


def titles(page: Page) -> list[str]:
    return page.locator("#results .title").all_text_contents()


def photo_of(width: int, height: int, kind: str = "JPEG", **options: object) -> bytes:
    """A photo with a colour in each quarter, noisy, so that it has many bytes."""
    noise = Image.effect_noise((width, height), 90).convert("RGB")
    colours = Image.new("RGB", (2, 2))
    colours.putdata([(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0)])
    file = io.BytesIO()
    Image.blend(noise, colours.resize((width, height), Image.Resampling.NEAREST), 0.6).save(file, kind, **options)
    return file.getvalue()


def sent_photo(page: Page, name: str, kind: str, data: bytes) -> bytes:
    """The photo in the request that follows the choice of a file."""
    with page.expect_request("**/predict?*") as sent:
        page.locator("#file").set_input_files({"name": name, "mimeType": kind, "buffer": data})
    body = sent.value.post_data_buffer or b""
    return body.split(b"\r\n\r\n", 1)[1].rsplit(b"\r\n--", 1)[0]


def test_an_example_is_searched_as_a_photo(page: Page) -> None:
    examples = page.locator("#examples-list button")
    expect(examples).to_have_count(8)
    expect(examples.first).to_have_accessible_name(re.compile("^Search with this photo: Listing"))
    with page.expect_request("**/predict?*"):
        examples.nth(3).click()
    expect(page.get_by_role("heading", name="Your photo", level=1)).to_be_visible()
    expect(page.locator("#results .same").first).to_be_visible()


def test_a_release_without_examples_shows_none(page_of: Callable[..., str], visit: Visit) -> None:
    visit.page.route("**/examples", lambda route: route.fulfill(json={"examples": []}))
    visit.page.goto(page_of())
    expect(visit.page.get_by_text("Or try one of these")).to_be_hidden()


def test_a_visitor_can_be_surprised(page: Page) -> None:
    page.get_by_role("button", name="Surprise me").click()
    expect(page.get_by_role("heading", name=re.compile("^More like “Listing"), level=1)).to_be_visible()


def test_the_catalogue_is_browsed_by_category_and_page_by_page(page: Page) -> None:
    assert titles(page) == [f"Listing {number}" for number in range(20)]
    page.get_by_role("navigation", name="Categories").get_by_role("link", name="Other Goods").click()
    expect(page.get_by_role("heading", name="Other Goods", level=1)).to_be_visible()
    expect(page.locator("#results .title")).to_have_text(["Listing 3", "Listing 16"])
    page.get_by_role("button", name="Filters").click()
    page.get_by_role("combobox", name="Show").select_option("image")
    expect(page.locator("#results .title")).to_have_text(["Listing 3", "Listing 3", "Listing 16", "Listing 16"])
    page.get_by_role("button", name="Remove filter: Other Goods").click()
    expect(page.get_by_text("24 listings so far")).to_be_visible()
    page.get_by_role("button", name="Show more").click()
    expect(page.locator("#results .title")).to_have_count(40)
    expect(page.locator("#results .title").nth(24)).to_be_focused()
    expect(page.get_by_role("button", name="Show more")).to_be_hidden()


def test_more_results_of_a_search_are_shown_below_the_first(page: Page, catalogue: tuple[FolderStore, Path]) -> None:
    page.locator("#file").set_input_files(catalogue[1])
    page.get_by_role("button", name="Filters").click()
    page.get_by_role("combobox", name="Show").select_option("image")
    expect(page.get_by_text("24 listings, most similar first")).to_be_visible()
    first = titles(page)
    page.get_by_role("button", name="Show more").click()
    expect(page.get_by_text("40 listings, most similar first")).to_be_visible()
    assert titles(page)[:24] == first
    expect(page.locator("#results .title").nth(24)).to_be_focused()
    page.reload()
    expect(page.get_by_text("40 listings, most similar first")).to_be_visible()


def test_a_photo_search_survives_a_reload_and_belongs_to_its_tab(
    page: Page, visit: Visit, catalogue: tuple[FolderStore, Path]
) -> None:
    visit.search(catalogue[1])
    found = titles(page)
    page.reload()
    expect(page.get_by_role("heading", name="Your photo")).to_be_visible()
    expect(page.locator("#results .title")).to_have_text(found)
    assert page.locator("#query-photo").evaluate("(image) => image.naturalWidth") == 64
    other = page.context.new_page()
    other.goto(page.url)
    expect(other.get_by_role("heading", name="Find listings that look like your photo")).to_be_visible()


def test_likes_and_dislikes_recommend_and_can_be_taken_back(page: Page) -> None:
    page.get_by_role("button", name="Less like Listing 4", exact=True).click()
    expect(page.get_by_text("Press thumbs up on a listing to search with your choices.")).to_be_visible()
    with page.expect_request("**/recommend") as sent:
        page.get_by_role("button", name="More like Listing 3", exact=True).click()
    assert sent.value.post_data_json == {"liked": ["003a"], "disliked": ["004a"], "k": 24}
    expect(page.get_by_role("heading", name="More like your choices", level=1)).to_be_visible()
    expect(page.locator("#results .title")).to_have_count(18)
    address = page.url
    page.get_by_role("button", name="Remove Listing 4").click()
    expect(page.locator("#results .title")).to_have_count(19)
    page.goto("about:blank")
    page.goto(address)
    expect(page.get_by_role("button", name="Remove Listing 3")).to_be_visible()
    page.get_by_role("button", name="Remove Listing 3").click()
    expect(page.get_by_role("heading", name="All listings", level=1)).to_be_visible()
    expect(page.get_by_role("button", name="Less like Listing 4", exact=True)).to_have_attribute("aria-pressed", "true")


def test_the_category_of_a_photo_is_a_chip_that_restricts(
    page: Page, visit: Visit, catalogue: tuple[FolderStore, Path]
) -> None:
    visit.search(catalogue[1])
    category = page.locator("#category-name").text_content() or ""
    expect(page.locator("#bars")).to_be_hidden()
    page.locator("#category summary").click()
    expect(page.locator("#bars li")).to_have_count(13)
    only = page.get_by_role("button", name="Only this category")
    only.click()
    expect(only).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_role("button", name=f"Remove filter: {category}")).to_be_visible()
    expect(page.locator("#results .meta").first).to_contain_text(category)
    expect(page.locator("#results .meta", has_not_text=category)).to_have_count(0)


def test_results_have_at_least_the_chosen_similarity(
    page: Page, visit: Visit, catalogue: tuple[FolderStore, Path]
) -> None:
    visit.search(catalogue[1])
    page.get_by_role("button", name="Filters").click()
    slider = page.get_by_role("slider", name="Similarity")
    with page.expect_request("**/predict?*") as sent:
        slider.fill("0.5")
    assert "min_score=0.5" in sent.value.url
    expect(page.get_by_role("button", name="Remove filter: Similarity from 0.50")).to_be_visible()
    expect(page.locator("#results .score").first).to_be_visible()  # the chip is there before the answer
    scores = [float(text.split()[-1]) for text in page.locator("#results .score").all_text_contents()]
    assert min(scores) >= 0.5


def test_prices_that_cross_are_explained_and_not_sent(page: Page, visit: Visit) -> None:
    page.goto(page.url.split("#")[0] + "#browse=all")
    page.get_by_role("button", name="Filters").click()
    page.get_by_label("Lowest price").fill("90")
    page.get_by_label("Lowest price").press("Tab")
    expect(page.get_by_role("button", name="Remove filter: From 90")).to_be_visible()
    asked = len(visit.requests)
    visit.restrict(20)
    expect(page.get_by_text("The lowest price is above the highest.")).to_be_visible()
    assert len(visit.requests) == asked


def test_a_part_of_the_photo_is_dragged_or_moved_by_keys(
    page: Page, visit: Visit, catalogue: tuple[FolderStore, Path]
) -> None:
    visit.search(catalogue[1])
    page.get_by_role("button", name="Select a part").click()
    area = page.locator("#part-area").bounding_box()
    assert area is not None
    page.mouse.move(area["x"] + area["width"] / 4, area["y"] + area["height"] / 4)
    page.mouse.down()
    page.mouse.move(area["x"] + area["width"] * 3 / 4, area["y"] + area["height"] * 3 / 4)
    page.mouse.up()
    page.get_by_role("slider", name="Part of the photo").press("ArrowRight")
    page.get_by_role("slider", name="Part of the photo").press("Shift+ArrowUp")
    with page.expect_request("**/predict?*") as sent:
        page.get_by_role("button", name="Search this part").click()
    (box,) = re.findall("box=([^&]+)", sent.value.url)
    assert [float(share) for share in box.split("%2C")] == pytest.approx([0.3, 0.25, 0.5, 0.45], abs=0.02)
    expect(page.locator("#query-part")).to_be_visible()
    expect(page.get_by_text("Add a photo")).to_be_hidden()  # several photos take no part
    page.get_by_role("button", name="Remove filter: Part of the photo").click()
    expect(page.locator("#query-part")).to_be_hidden()


def test_a_large_photo_is_made_smaller_and_stays_upright(page: Page) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # its right side is up: shown, it is turned by 90 degrees
    data = photo_of(2400, 1800, quality=95, exif=exif)
    sent = sent_photo(page, "large.jpg", "image/jpeg", data)
    assert len(sent) <= 300 * 1024 < len(data)
    shown = Image.open(io.BytesIO(sent))
    assert shown.size[0] < shown.size[1] <= 1600
    # The top left of what is shown is the bottom left of the file: blue.
    red, green, blue = shown.resize((2, 2), Image.Resampling.BOX).getpixel((0, 0))  # type: ignore[misc]
    assert blue > max(red, green)
    expect(page.get_by_text(re.compile("^Made smaller: .* MB to .* MB, 2400 to .* pixels"))).to_be_visible()
    expect(page.locator("#timings")).to_have_text(
        re.compile(r"sent in .*; service: decoding .*model .*search .*in all")
    )


@pytest.mark.parametrize(("width", "kind"), [(64, "PNG"), (200, "WEBP"), (600, "JPEG")])
def test_a_small_photo_is_sent_as_it_is(page: Page, width: int, kind: str) -> None:
    data = photo_of(width, width, kind)
    assert len(data) < 300 * 1024
    assert sent_photo(page, f"small.{kind.lower()}", f"image/{kind.lower()}", data) == data


def test_a_photo_of_an_unknown_format_is_converted(page: Page) -> None:
    sent = sent_photo(page, "small.bmp", "image/bmp", photo_of(64, 48, "BMP"))
    assert Image.open(io.BytesIO(sent)).format == "JPEG"


def test_a_heic_photo_comes_with_advice(page: Page) -> None:
    page.locator("#file").set_input_files(
        {"name": "IMG_0001.HEIC", "mimeType": "image/heic", "buffer": b"\0\0\0\x18ftypheic" + bytes(64)}
    )
    expect(page.get_by_text(re.compile("HEIC photo.*Share or export it as a JPEG"))).to_be_visible()


def test_a_busy_service_says_so_and_can_be_tried_again(page: Page) -> None:
    def throttled(route: Route) -> None:
        route.fulfill(status=429, json={"message": "Too Many Requests"})

    page.route("**/search?*", throttled)
    page.get_by_role("searchbox").fill("listing 7")
    page.get_by_role("searchbox").press("Enter")
    expect(page.get_by_role("heading", name="The service is busy")).to_be_visible()
    page.unroute("**/search?*")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("#results .title").first).to_have_text("Listing 7")


def test_cards_link_to_the_shop(page: Page) -> None:
    link = page.get_by_role("link", name="View Listing 3 in the shop")
    expect(link).to_have_attribute("href", "https://shop.example/items/product-003")
    expect(link).to_have_attribute("rel", "noopener")


def test_going_back_returns_to_the_place_on_the_page(page: Page) -> None:
    page.locator("#results .title").nth(15).scroll_into_view_if_needed()
    page.wait_for_function("window.scrollY > 300")
    place = page.evaluate("window.scrollY")
    page.locator("#results .title").nth(15).click()
    expect(page.get_by_role("heading", name="More like “Listing 15”")).to_be_focused()
    page.go_back()
    expect(page.locator("#results .title")).to_have_count(20)
    page.wait_for_function(f"Math.abs(window.scrollY - {place}) < 40")


def test_the_search_is_shown_as_code_that_runs(
    page: Page, visit: Visit, catalogue: tuple[FolderStore, Path], tmp_path: Path
) -> None:
    visit.search(catalogue[1])
    visit.restrict(200)
    expect(page.get_by_text("19 listings, most similar first")).to_be_visible()
    found = titles(page)
    page.get_by_role("button", name="As code").click()
    (tmp_path / "photo.jpg").write_bytes(catalogue[1].read_bytes())
    command = page.locator("#code-curl").text_content() or ""
    assert shlex.split(command)[0] == "curl"
    answered = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert [result["title"] for result in json.loads(answered)["results"]] == found
    script = page.locator("#code-python").text_content() or ""
    printed = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert [line.split(" ", 2)[2] for line in printed.stdout.splitlines()] == found
    expect(page.locator("#code-json")).to_contain_text("similar_index")
    code = page.locator("#code-javascript").text_content() or ""
    run = f"""async (bytes) => {{
      const file = new File([new Uint8Array(bytes)], "photo.jpg");
      {code}
      return results.map((result) => result.title);
    }}"""
    assert page.evaluate(run, list(catalogue[1].read_bytes())) == found


def test_likes_as_code_run_too(page: Page) -> None:
    page.get_by_role("button", name="More like Listing 3", exact=True).click()
    expect(page.get_by_role("heading", name="More like your choices")).to_be_visible()
    expect(page.locator("#results .title")).to_have_count(19)
    page.get_by_role("button", name="As code").click()
    command = page.locator("#code-curl").text_content() or ""
    answered = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True).stdout
    assert len(json.loads(answered)["results"]) == 19


def test_the_footer_opens_the_report(page: Page, catalogue: tuple[FolderStore, Path]) -> None:
    store = catalogue[0]
    key = f"releases/{store.read_pointer().pointer.release}/report/report.html"  # type: ignore[union-attr]
    store.write(
        key, b"<!doctype html><title>Evaluation</title><h1>Evaluation</h1><script>document.title = 'ran'</script>"
    )
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Evaluation report").click()
    expect(opened.value.get_by_role("heading", name="Evaluation")).to_be_visible()
    assert opened.value.title() == "Evaluation"


def test_two_releases_are_compared_side_by_side(
    page_of: Callable[..., str], visit: Visit, catalogue: tuple[FolderStore, Path], tmp_path: Path
) -> None:
    store, page = catalogue[0], visit.page
    other = build_release(tmp_path, seed=1, created_at=CREATED_AT + timedelta(days=1))
    for entry in other.files():
        store.upload(OBJECTS + entry.sha256, tmp_path / entry.file)
    store.upload(f"{RELEASES}{other.release}/manifest.json", tmp_path / "manifest.json")
    page.goto(page_of(other_releases="stored") + "#item=003a")
    expect(page.locator("#results .title")).to_have_count(19)
    live = titles(page)
    page.get_by_label("Compare with release").fill(other.release)
    page.get_by_role("button", name="Compare", exact=True).click()
    expect(page.get_by_role("heading", name=other.release)).to_be_visible()
    expect(page.locator("#other-results .title")).to_have_count(19)
    assert titles(page) == live != page.locator("#other-results .title").all_text_contents()
    visit.picture("compared")
    page.get_by_role("button", name=f"Remove filter: Compared with {other.release}").click()
    expect(page.locator("#other-results")).to_be_hidden()


def test_without_the_operators_leave_no_release_is_compared(page: Page) -> None:
    expect(page.get_by_text("Evaluation report")).to_be_visible()
    expect(page.get_by_label("Compare with release")).to_be_hidden()
