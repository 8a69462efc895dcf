"""Generates a sample catalogue in the listings layout. Other packages only need `generate(out)`."""

import contextlib
import multiprocessing
import os
import shutil
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import repeat
from pathlib import Path

from sample.listings import BEYOND_ASCII
from sample.mess import CMYK, MISFITS, TURNED
from sample.photos import draw_photos
from sample.plan import Plan
from sample.progress import Progress
from sample.tables import (
    IMAGE_COLUMNS,
    PRODUCT_COLUMNS,
    TRUTH_COLUMNS,
    image_rows,
    numbered,
    product_rows,
    truth_rows,
    write_table,
)

DEFAULT_PHOTOS = 4_800
CHUNK = 24  # products that a process draws between two updates of the progress
# Photos. Drawing fewer takes less time than starting processes, so one process draws them unless `workers` is set.
POOL_FROM = 400


@dataclass(frozen=True)
class SampleSummary:
    """The content of a generated catalogue.

    `product_rows` and `image_rows` count the rows of the two files. `photos` counts the intact photos, and
    `photo_files` all files under photos/. `planted` counts each kind of planted error.
    """

    product_rows: int
    image_rows: int
    products: int
    photos: int
    photo_files: int
    planted: dict[str, int]


def generate(
    out: Path,
    *,
    photos: int = DEFAULT_PHOTOS,
    seed: int = 0,
    encoding: str = "utf-8",
    workers: int | None = None,
    progress: bool = False,
) -> SampleSummary:
    """Write OUT/Products.csv, OUT/Images.csv, OUT/photos/<image id>.jpg and OUT/truth.csv (what each photo shows).

    `photos` is the number of intact photos; a few broken ones are added. The same photos, seed and encoding give the
    same bytes for every number of `workers` (None means one per core). OUT appears only when it is complete; until then
    the files are in OUT.partial. Processes are spawned, so a calling script needs `if __name__ == "__main__"`.

    Raises:
        ValueError: too few photos, or an encoding that lacks characters of the text.
        FileExistsError: OUT is not empty.
    """
    plan = Plan(photos, seed)
    _check_encoding(encoding)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise FileExistsError(f"{out} is not empty; give a folder that does not exist")
    with _complete_or_absent(out) as folder:
        planted = Counter({CMYK: 1, TURNED: 1, "product row repeated": 1, "image row repeated": 1})
        planted.update(misfit.mess for misfit in MISFITS)
        products = write_table(
            folder / "Products.csv", PRODUCT_COLUMNS, numbered(product_rows(plan, planted)), encoding
        )
        images = write_table(folder / "Images.csv", IMAGE_COLUMNS, numbered(image_rows(plan)), encoding)
        write_table(folder / "truth.csv", TRUTH_COLUMNS, truth_rows(plan), "utf-8")
        files = _draw_all(folder / "photos", plan, workers, progress)
    return SampleSummary(products, images, plan.products, photos, files, dict(planted))


def _check_encoding(encoding: str) -> None:
    try:
        BEYOND_ASCII.encode(encoding)
    except (LookupError, UnicodeEncodeError) as exc:
        raise ValueError(f"encoding {encoding!r} is unknown or cannot hold {BEYOND_ASCII}") from exc


@contextlib.contextmanager
def _complete_or_absent(out: Path) -> Iterator[Path]:
    """Give a temporary folder beside `out`, and rename it to `out` on success."""
    folder = out.with_name(out.name + ".partial")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
        folder.replace(out)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _draw_all(folder: Path, plan: Plan, workers: int | None, progress: bool) -> int:
    """Draw every photo into the folder, in this process or in several; the number of files."""
    folder.mkdir()
    last = plan.products + len(MISFITS)
    chunks = [range(start, min(start + CHUNK, last)) for start in range(0, last, CHUNK)]
    workers = workers or (os.cpu_count() or 1 if plan.photos >= POOL_FROM else 1)
    total = plan.photos + sum(misfit.photo is not None for misfit in MISFITS)
    written = 0
    with contextlib.ExitStack() as stack:
        shown = stack.enter_context(Progress("photos", total)) if progress else None
        if workers == 1:
            counts: Iterator[int] = map(partial(draw_photos, folder, plan), chunks)
        else:
            pool = ProcessPoolExecutor(min(workers, len(chunks)), multiprocessing.get_context("spawn"))
            counts = stack.enter_context(pool).map(draw_photos, repeat(folder), repeat(plan), chunks)
        for count in counts:
            written += count
            if shown:
                shown.advance(count)
    return written
