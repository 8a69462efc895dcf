"""Generate a sample catalogue: listings with photos, in the format of a marketplace export.

The file is not named sample.py because it would then hide the package `sample`: the folder of a script is first in
`sys.path`.
"""

import argparse
import sys
from pathlib import Path

from sample.generate import DEFAULT_PHOTOS, generate


def main() -> int:
    """Exit code 0 on success, 2 for bad arguments."""
    parser = argparse.ArgumentParser(prog="scripts/sample", description="Generate a sample catalogue.")
    parser.add_argument("out", type=Path, help="output folder; it must be new or empty")
    parser.add_argument(
        "--photos", type=int, default=DEFAULT_PHOTOS, help="number of intact photos (default: %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of the random draws")
    parser.add_argument("--encoding", default="utf-8", help="encoding of the CSV files, such as cp1252 or utf-16")
    parser.add_argument("--workers", type=int, help="number of processes (default: one per core)")
    args = parser.parse_args()
    try:
        summary = generate(
            args.out,
            photos=args.photos,
            seed=args.seed,
            encoding=args.encoding,
            workers=args.workers,
            progress=True,
        )
    except (ValueError, FileExistsError) as exc:
        print(f"scripts/sample: {exc}", file=sys.stderr)
        return 2
    print(f"{args.out}: {summary.products} products, {summary.photos} photos")
    print(f"rows: {summary.product_rows} products, {summary.image_rows} images; {summary.photo_files} photo files")
    for mess, count in sorted(summary.planted.items()):
        print(f"{count:>8}  {mess}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
