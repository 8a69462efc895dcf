"""Measure this project, side by side with its baselines, in one run."""

import argparse
import importlib
import json
import pkgutil
import platform
import sys
from pathlib import Path

import benchmarks


def names() -> list[str]:
    """The benchmarks there are: the modules of `benchmarks` that have a `run`."""
    found = [module.name for module in pkgutil.iter_modules(benchmarks.__path__)]
    return [name for name in found if hasattr(importlib.import_module(f"benchmarks.{name}"), "run")]


def main() -> int:
    """Run the named benchmark, or all."""
    known = names()
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("name", nargs="*", help=f"{', '.join(known)}; all when none is named")
    parser.add_argument("--quick", action="store_true", help="smaller sizes, fewer repetitions")
    parser.add_argument("--json", type=Path, help="write the figures to this file as well")
    args = parser.parse_args()
    if unknown := sorted(set(args.name) - set(known)):
        parser.error(f"no benchmark {', '.join(unknown)}; there are {', '.join(known)}")
    print(f"Python {platform.python_version()} on {platform.machine()}, {platform.system()}")
    figures = {name: importlib.import_module(f"benchmarks.{name}").run(quick=args.quick) for name in args.name or known}
    if args.json:
        partial = args.json.with_name(f".{args.json.name}.partial")
        partial.write_text(json.dumps(figures, indent=1))
        partial.replace(args.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
