"""The page in Lighthouse, on its phone profile: a slow processor and a slow 4G network, both simulated.

Needs Chromium, and Lighthouse from npm.
"""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import requests

from benchmarks.figures.table import Goal, Report, Row, spread
from benchmarks.processes.server import ours

LEAST_SCORE, MOST_SHIFT = 95, 0.1
_SECONDS = 180
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# A container's root may not use Chromium's own sandbox.
_FLAGS = "--headless=new --no-sandbox"
_CATEGORIES = ("performance", "accessibility")


def measure(store: Path, packages: Path, rounds: int) -> Report:
    """Measure the page of a store with the Lighthouse among these packages of npm, each view `rounds` times."""
    program = packages / "lighthouse" / "cli" / "index.js"
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None or not program.is_file():
        return Report([], [f"not measured: there is no {'Chromium' if browser is None else 'Lighthouse (npm)'} here"])
    if not (store / "live.json").is_file():
        return Report([], [f"not measured: {store} has no live release; scripts/demo --no-serve makes one"])
    with ours(str(store)).wait() as server:
        url = f"http://127.0.0.1:{server.port}/"
        rows: list[Row] = []
        for name, fragment in views(url).items():
            results = [measured(program, browser, url + fragment) for _ in range(rounds)]
            rows += rows_of(name, results)
    return Report(rows, ["a higher score is better; 100 is the best one"])


def views(url: str) -> dict[str, str]:
    """The fragments of the page's address that show its views, by name."""
    found = requests.get(f"{url}items?k=1", timeout=60).json()["results"]
    listing = {"a listing": f"#item={found[0]['image_id']}"} if found else {}
    return {"start page": "", "all listings": "#browse=all", **listing}


def measured(program: Path, browser: str, url: str) -> dict[str, Any]:
    """Lighthouse's result of one visit.

    Raises:
        CalledProcessError, TimeoutExpired: Lighthouse failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "result.json"
        options = ["--quiet", "--output=json", f"--output-path={output}", f"--only-categories={','.join(_CATEGORIES)}"]
        command = ["env", f"CHROME_PATH={browser}", "node", str(program), url, *options, f"--chrome-flags={_FLAGS}"]
        subprocess.run(command, check=True, capture_output=True, timeout=_SECONDS)
        result: dict[str, Any] = json.loads(output.read_text())
        return result


def rows_of(view: str, results: Sequence[Mapping[str, Any]]) -> list[Row]:
    """The rows of one view's results."""

    def audit(name: str) -> list[float]:
        return [result["audits"][name]["numericValue"] for result in results]

    scores = {name: [100 * result["categories"][name]["score"] for result in results] for name in _CATEGORIES}
    return [
        Row(f"{view}: performance, of 100", spread(scores["performance"]), goal=Goal("at least", LEAST_SCORE)),
        Row(f"{view}: accessibility, of 100", spread(scores["accessibility"]), goal=Goal("at least", LEAST_SCORE)),
        Row("  first paint with content, ms", spread(audit("first-contentful-paint"))),
        Row("  largest paint with content, ms", spread(audit("largest-contentful-paint"))),
        Row("  layout shift", spread(audit("cumulative-layout-shift")), goal=Goal("at most", MOST_SHIFT)),
    ]
