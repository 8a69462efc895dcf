"""Measure this project and the design that it replaces, in the same run on the same machine."""

import argparse
import importlib
import logging
import sys
from functools import partial
from pathlib import Path

from benchmarks.figures import machine, table
from benchmarks.figures.table import Report
from client.command import CommandParser
from lambda_app.telemetry.formats import quiet_faiss

# Modules of `benchmarks.bench` with `run(quick: bool) -> Report`. Without arguments all run, in this order.
NAMES = (
    *("cold", "request", "forward", "search", "segments", "load", "reload", "size", "prepare", "train"),
    *("embed", "sample", "backbones", "compact", "drift", "words", "changes", "same", "vectors", "page"),
)
# Modules in another folder of `benchmarks`.
ELSEWHERE = {
    "segments": "benchmarks.bench.neighbours.segments",
    "drift": "benchmarks.drift.weeks",
    "words": "benchmarks.words.search",
    "changes": "benchmarks.changes.measured",
    "same": "benchmarks.same.photos",
    "vectors": "benchmarks.vectors.loading",
    "page": "benchmarks.page.measured",
}
# Those whose `run` takes `items: int | None` too.
SIZED = ("changes", "vectors")
EXAMPLES = """\
examples:
  scripts/bench request search                  # these two: minutes
  scripts/bench --quick --json var/bench.json   # all, each with a small part of its work
  scripts/bench changes --items 100000
  scripts/bench search --peers                    # after scripts/setup peers

Each prints a table with its goals; docs/performance.md explains them. All together take hours. Exit codes: 0 when the
benchmarks have run, whatever their figures; 2 for wrong arguments.
"""


def command_line() -> CommandParser:
    """The parser of the command line."""
    parser = CommandParser(prog="scripts/bench", description=__doc__, epilog=EXAMPLES)
    parser.add_argument("name", nargs="*", metavar="NAME", help=f"{', '.join(NAMES)}; default: all")
    parser.add_argument("--quick", action="store_true", help="smaller sizes, fewer repetitions")
    parser.add_argument(
        "--photos", type=Path, metavar="DIR", help="same: also measure the photos of this folder; default: none"
    )
    parser.add_argument("--peers", action="store_true", help="search: beside ScaNN, usearch, hnswlib and FAISS's own")
    parser.add_argument(
        "--items",
        type=int,
        metavar="N",
        help=f"number of items of the catalogue, only for {', '.join(SIZED)}, search --peers; default: each one's own",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures to this file; default: none")
    return parser


def main() -> int:
    """Run the named benchmarks, or all. The exit code does not depend on the goals."""
    parser = command_line()
    args = parser.parse_args()
    if unknown := sorted(set(args.name) - set(NAMES)):
        parser.error(f"unknown benchmark {', '.join(unknown)}; available: {', '.join(NAMES)}")
    if args.peers:
        return _peers(parser, args)
    if args.items is not None and not (args.name and set(args.name) <= set(SIZED) and args.items > 0):
        parser.error(f"--items takes a number above 0, and only with {', '.join(SIZED)}")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    quiet_faiss()
    measured_on = machine.describe()
    print("\n".join(machine.lines(measured_on)), flush=True)
    reports: dict[str, Report] = {}
    for name in args.name or NAMES:
        module = ELSEWHERE.get(name, f"benchmarks.bench.{name}")
        measured, sized = importlib.import_module(module), {} if args.items is None else {"items": args.items}
        own_photos = args.photos and hasattr(measured, "run_with")
        run = partial(measured.run_with, photos=args.photos) if own_photos else measured.run
        reports[name] = run(quick=args.quick, **sized)
        print("", *table.lines(name, reports[name]), sep="\n", flush=True)
    if args.json:
        figures = {"machine": measured_on, "quick": args.quick}
        figures |= {"benchmarks": {name: report.as_json() for name, report in reports.items()}}
        table.write_json(args.json, figures)
    return 0


def _peers(parser: CommandParser, args: argparse.Namespace) -> int:
    """Measure our search beside other engines, which an extra of pyproject.toml installs."""
    from benchmarks.peers import measured

    if args.name != ["search"] or (args.items is not None and args.items < 1_000):
        parser.error("--peers goes with search alone, and there with --items of at least 1,000")
    sizes = measured.SIZES[:1] if args.quick else measured.SIZES
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    print("\n".join(machine.lines(machine.describe())), flush=True)
    try:
        measured.run(measured.Plan(sizes if args.items is None else (args.items,)), args.json)
    except measured.PeersError as exc:
        parser.error(str(exc))
    return 0


if __name__ == "__main__":
    sys.exit(main())
