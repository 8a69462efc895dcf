"""Take pictures of a running page, such as that of scripts/demo: each view on a phone and on a desktop, light and dark.

Also of the evaluation report. Needs Chromium, and a server that has begun before: see the examples.
"""

import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser, Error, Page, sync_playwright

from client.command import CommandParser

SIZES = {"phone": {"width": 390, "height": 844}, "desktop": {"width": 1440, "height": 900}}
SCHEMES = ("light", "dark")
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_MILLISECONDS = 20_000
EXAMPLES = """\
examples:
  scripts/serve --store var/store          # in another terminal, after scripts/demo --no-serve
  scripts/screenshots --out docs/pictures

Exit codes: 0 when all pictures are taken; 1 if the page does not answer or show a view; 2 without Chromium, for wrong
arguments, or for a folder that cannot be written.
"""


def start(page: Page) -> None:
    """The start page, with its examples."""
    page.locator("#examples-list img").first.wait_for()


def photo(page: Page) -> None:
    """The results of a photo: the first example."""
    page.locator("#examples-list button").first.click()
    page.get_by_text(re.compile("most similar first$")).wait_for()


def likes(page: Page) -> None:
    """The results of likes and dislikes: of the first listings that are similar to the photo."""
    photo(page)
    page.locator("#results .thumb[aria-label^='Less']").nth(5).click()
    page.locator("#results .thumb[aria-label^='More']").nth(1).click()
    page.get_by_role("heading", name="More like your choices").wait_for()
    page.get_by_text(re.compile("most similar first$")).wait_for()


def code(page: Page) -> None:
    """The search as code."""
    photo(page)
    page.get_by_role("button", name="As code").click()
    page.get_by_role("dialog").wait_for()


def report(page: Page) -> None:
    """The evaluation report."""
    page.goto(f"{page.url.partition('#')[0]}release/report")


VIEWS: dict[str, Callable[[Page], None]] = {
    "start": start,
    "photo": photo,
    "likes": likes,
    "code": code,
    "report": report,
}


def take(browser: Browser, url: str, folder: Path) -> list[Path]:
    """Take all pictures of the page at an address, into a folder, and return their paths.

    Raises:
        Error: the page does not show a view within 20 seconds.
    """
    folder.mkdir(parents=True, exist_ok=True)
    taken = []
    for scheme in SCHEMES:
        for size, viewport in SIZES.items():
            for name, show in VIEWS.items():
                page = browser.new_page(viewport=viewport, color_scheme=scheme)  # type: ignore[arg-type]
                page.set_default_timeout(_MILLISECONDS)
                page.goto(url)
                page.locator("#results .title").first.wait_for()
                show(page)
                page.wait_for_load_state("networkidle")
                taken.append(folder / f"{name}-{size}-{scheme}.png")
                page.screenshot(path=taken[-1])
                page.close()
    return taken


def command_line() -> CommandParser:
    """The parser of the command line."""
    parser = CommandParser(prog="scripts/screenshots", description=__doc__, epilog=EXAMPLES)
    parser.add_argument("--url", default="http://127.0.0.1:8000/", help="of the page; default: %(default)s")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("var/pictures"),
        metavar="DIR",
        help="folder, which gets the pictures as VIEW-SIZE-SCHEME.png; default: %(default)s",
    )
    return parser


def main() -> int:
    """Exit code 0; 1: the page does not answer or show a view; 2: there is no Chromium."""
    args = command_line().parse_args()
    program = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if program is None:
        print(f"scripts/screenshots: there is no Chromium here; looked for {', '.join(_BROWSERS)}", file=sys.stderr)
        return 2
    try:
        with sync_playwright() as playwright:
            # A container's root may not use Chromium's own sandbox.
            browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
            taken = take(browser, args.url, args.out)
    except Error as exc:
        print(f"scripts/screenshots: {exc.message.splitlines()[0]}; does {args.url} answer?", file=sys.stderr)
        return 1
    except OSError as exc:
        print(f"scripts/screenshots: {exc.filename}: {exc.strerror}; choose another folder with --out", file=sys.stderr)
        return 2
    print(f"{len(taken)} pictures in {args.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
