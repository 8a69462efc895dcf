"""A search with a photo in Chromium, on a slow 4G network and a slow processor: how much the page moves by itself.

Chromium slows both down by its developer tools, so every byte, answer and photo of a card comes as late as there. The
photo is over the limit of what is sent as it is, so the page makes it smaller first.
"""

import io
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, Page

from benchmarks.figures.table import Goal, Row, spread

SIZES = ({"width": 390, "height": 844}, {"width": 768, "height": 1024})
ROUND_TRIP_MS, KBITS, SLOWER = 400, 600, 4
# The shifts of the page by Chromium's own measure (Layout Instability), and of them those that no input has caused.
SHIFTS = """
  window.shifts = { all: 0, own: 0 };
  new PerformanceObserver((list) => {
    for (const { value, hadRecentInput } of list.getEntries()) {
      window.shifts.all += value;
      if (!hadRecentInput) window.shifts.own += value;
    }
  }).observe({ type: "layout-shift", buffered: true });
"""
# The page's policy allows no `wait_for_function`, which evaluates text within the page.
_LOADED = """async () => {
  const soon = () => [...document.querySelectorAll("#results img")].filter((image) => image.loading !== "lazy");
  while (!soon().every((image) => image.complete)) await new Promise((resolve) => setTimeout(resolve, 100));
}"""
_MILLISECONDS = 120_000


@dataclass(frozen=True)
class Search:
    """What one search with a photo did.

    Attributes:
        own: sum of the layout shifts that no input has caused.
        everything: sum of all layout shifts.
        opened: the part of `own` before the photo was chosen.
        seconds: from the choice of the photo to the results.
        first_ends: where the photo of the first card ends, in pixels from the top of the screen.
    """

    own: float
    everything: float
    opened: float
    seconds: float
    first_ends: float


def large_photo() -> bytes:
    """A JPEG of more bytes and pixels than the page sends as they are."""
    noise = np.random.default_rng(0).integers(0, 255, (1800, 2400, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).resize((600, 450)).resize((2400, 1800)).save(file, "JPEG", quality=95)
    return file.getvalue()


def searched(browser: Browser, url: str, size: dict[str, int], photo: bytes) -> Search:
    """Open the page in a new profile, search with a photo, and wait until the first photos of the results are there.

    Raises:
        Error of Playwright: the page did not come to an end.
    """
    context = browser.new_context(viewport=size, has_touch=True)  # type: ignore[arg-type]
    context.set_default_timeout(_MILLISECONDS)
    try:
        page = context.new_page()
        page.add_init_script(SHIFTS)
        _slow(page)
        page.goto(url)
        page.locator("#results .title").first.wait_for()
        page.evaluate(_LOADED)
        opened = page.evaluate("window.shifts.own")
        begun = time.monotonic()
        page.locator("#file").set_input_files({"name": "photo.jpg", "mimeType": "image/jpeg", "buffer": photo})
        page.locator("#results .score").first.wait_for()
        seconds = time.monotonic() - begun
        page.evaluate(_LOADED)
        page.wait_for_load_state("networkidle")
        shifts = page.evaluate("window.shifts")
        first = page.locator("#results .card .photo").first.bounding_box()
        ends = first["y"] + first["height"] if first else float("inf")
        return Search(shifts["own"], shifts["all"], opened, seconds, ends)
    finally:
        context.close()


def rows_of(size: dict[str, int], searches: Sequence[Search]) -> list[Row]:
    """The rows of the searches at one size of the screen."""
    name = f"photo search, {size['width']}x{size['height']}"
    worst = max(one.first_ends for one in searches)
    return [
        Row(f"{name}: layout shift", spread([one.own for one in searches]), goal=Goal("at most", 0.1)),
        Row("  of it, before the photo is chosen", spread([one.opened for one in searches])),
        Row("  with the shifts after an input", spread([one.everything for one in searches])),
        Row("  first card's photo ends at, pixels", spread([worst]), goal=Goal("at most", size["height"])),
        Row("  from the choice to the results, s", spread([one.seconds for one in searches])),
    ]


def _slow(page: Page) -> None:
    """Slow 4G in both directions, and a processor of a fourth of the speed."""
    tools = page.context.new_cdp_session(page)
    tools.send("Network.enable")
    bytes_per_second = KBITS * 1000 / 8
    conditions = {"downloadThroughput": bytes_per_second, "uploadThroughput": bytes_per_second}
    tools.send("Network.emulateNetworkConditions", {"offline": False, "latency": ROUND_TRIP_MS, **conditions})
    tools.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
