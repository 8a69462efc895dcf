"""Draw a sample catalogue: listings with photos, as a marketplace exports them.

Not sample.py: Python finds a script's own folder first, where that name would hide the package.
"""

import argparse
import sys
from pathlib import Path

from sample.generate import DEFAULT_PHOTOS, generate


def main() -> int:
    """Exit code 0 when done, 2 when what was asked for cannot be."""
    parser = argparse.ArgumentParser(prog="scripts/sample", description="Draw a sample catalogue.")
    parser.add_argument("out", type=Path, help="folder to make; it must not hold anything")
    parser.add_argument("--photos", type=int, default=DEFAULT_PHOTOS, help="sound photos (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="another seed draws another catalogue")
    parser.add_argument("--encoding", default="utf-8", help="of the CSV files, such as cp1252 or utf-16")
    parser.add_argument("--workers", type=int, help="processes (default: one a core)")
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
