"""The page: its views in Lighthouse, and a photo search in Chromium. It serves the live release of `scripts/demo`."""

import shutil
from pathlib import Path

from benchmarks.figures.table import Report, Row
from benchmarks.inputs.bench_release import ROOT
from benchmarks.page import lighthouse
from benchmarks.processes.server import ours

ROUNDS, QUICK_ROUNDS = 5, 1


def run(quick: bool) -> Report:
    """Measure the start page, all listings, the view of a listing, and searches with a photo."""
    store, rounds = ROOT / "var" / "store", QUICK_ROUNDS if quick else ROUNDS
    views = lighthouse.measure(store, ROOT / "node_modules", rounds)
    searches = searches_with_a_photo(store, rounds)
    return Report([*views.rows, *searches.rows], [*views.notes, *searches.notes])


def searches_with_a_photo(store: Path, rounds: int) -> Report:
    """Search with a photo at each size of a screen, each `rounds` times."""
    if not (store / "live.json").is_file():
        return Report([], [])  # Lighthouse has said so
    browser = next(filter(None, map(shutil.which, lighthouse.BROWSERS)), None)
    try:
        from playwright.sync_api import sync_playwright
    except ModuleNotFoundError:
        browser = None
    if browser is None:
        return Report([], ["photo search: not measured, for want of Chromium or Playwright"])
    from benchmarks.page import photo_search

    photo, rows = photo_search.large_photo(), list[Row]()
    with ours(str(store)).wait() as server, sync_playwright() as playwright:
        # A container's root may not use Chromium's own sandbox.
        started = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        url = f"http://127.0.0.1:{server.port}/"
        for size in photo_search.SIZES:
            rows += photo_search.rows_of(
                size, [photo_search.searched(started, url, size, photo) for _ in range(rounds)]
            )
        started.close()
    slowed = f"{photo_search.ROUND_TRIP_MS} ms round trip, {photo_search.KBITS} kbit/s, a processor of a fourth"
    return Report(rows, [f"photo search: {slowed}; a photo of {len(photo):,} bytes, which the page makes smaller"])
