"""scripts/screenshots, before the page of a small release."""

import runpy
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser

from lambda_app.store.folder import FolderStore
from tests.browser.conftest import ROOT

pytestmark = pytest.mark.slow

SCRIPT = runpy.run_path(str(ROOT / "scripts" / "screenshots.py"))


def test_every_view_is_pictured_in_both_sizes_and_schemes(
    page_of: Callable[..., str], browser: Browser, catalogue: tuple[FolderStore, Path], tmp_path: Path
) -> None:
    store = catalogue[0]
    key = f"releases/{store.read_pointer().pointer.release}/report/report.html"  # type: ignore[union-attr]
    store.write(key, b"<!doctype html><title>Evaluation</title><h1>Evaluation</h1>")
    taken = SCRIPT["take"](browser, page_of(), tmp_path / "pictures")
    assert {path.name for path in (tmp_path / "pictures").iterdir()} == {path.name for path in taken}
    assert len(taken) == 20
    for path in taken:
        with Image.open(path) as picture:
            assert picture.width == (390 if "-phone-" in path.name else 1440)
    light, dark = (Image.open(tmp_path / "pictures" / f"start-phone-{scheme}.png") for scheme in ("light", "dark"))
    assert light.convert("L").getpixel((2, 2)) > 200  # type: ignore[operator]
    assert dark.convert("L").getpixel((2, 2)) < 60  # type: ignore[operator]
