"""Generate a sample catalogue: listings with photos, in the format of a marketplace export.

The file is not named sample.py because it would then hide the package `sample`: the folder of a script is first in
`sys.path`.
"""

import sys
from pathlib import Path

from client.command import CommandParser
from sample.generate import DEFAULT_PHOTOS, generate
from sample.plan import MIN_PHOTOS

EXAMPLES = """\
examples:
  scripts/sample var/shop    # as scripts/demo makes it
  scripts/sample var/small --photos 200 --seed 1

Exit codes: 0 when the catalogue is there; 2 for wrong arguments, or a folder that is not empty or cannot be written.
"""


def command_line() -> CommandParser:
    """The parser of the command line."""
    parser = CommandParser(
        prog="scripts/sample",
        description="Generate a sample catalogue: listings with photos, with the faults that real exports have.",
        epilog=EXAMPLES,
    )
    parser.add_argument("out", type=Path, metavar="DIR", help="output folder; it must be new or empty")
    parser.add_argument(
        "--photos",
        type=int,
        default=DEFAULT_PHOTOS,
        metavar="N",
        help=f"number of intact photos, at least {MIN_PHOTOS}; default: %(default)s",
    )
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="seed of the random draws, any number; default: %(default)s"
    )
    parser.add_argument(
        "--encoding", default="utf-8", help="of the CSV files, such as cp1252 or utf-16; default: %(default)s"
    )
    parser.add_argument("--workers", type=int, metavar="N", help="number of processes; default: one per core")
    return parser


def main() -> int:
    """Exit code 0 on success, 2 for bad arguments."""
    args = command_line().parse_args()
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
    except OSError as exc:
        print(f"scripts/sample: {args.out} cannot be written: {exc.strerror}; choose another folder", file=sys.stderr)
        return 2
    print(f"{args.out}: {summary.products} products, {summary.photos} photos")
    print(f"rows: {summary.product_rows} products, {summary.image_rows} images; {summary.photo_files} photo files")
    print("faults put in on purpose, as real exports have them:")
    for mess, count in sorted(summary.planted.items()):
        print(f"{count:>8}  {mess}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
