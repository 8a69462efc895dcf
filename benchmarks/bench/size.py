"""The size of the serving dependencies, installed alone as in the Lambda image."""

import csv
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.figures.table import Goal, Report, Row, exact
from benchmarks.inputs.bench_release import ROOT

MB = 1e6
LIMIT_MB = 220
_SHOWN, _SHOWN_QUICK = 20, 8


def run(quick: bool) -> Report:
    """Install the extra `serving` into an empty folder; measure its size before and after removing unused files."""
    with TemporaryDirectory() as scratch:
        target = Path(scratch) / "packages"
        install(serving_requirements(ROOT / "pyproject.toml"), target)
        before = total(target)
        subprocess.run([sys.executable, "scripts/slim_packages.py", str(target)], cwd=ROOT, check=True)
        packages = by_package(target)
        rows = [
            Row("unpacked, as in the image, MB", exact(total(target) / MB), goal=Goal("at most", LIMIT_MB)),
            Row("as installed, MB", exact(before / MB)),
        ]
    shown = packages[: _SHOWN_QUICK if quick else _SHOWN]
    rows += [Row(f"  {name}, MB", exact(size / MB)) for name, size in shown]
    rows.append(
        Row(f"  {len(packages) - len(shown)} others, MB", exact(sum(size for _, size in packages[len(shown) :]) / MB))
    )
    return Report(
        rows, ["the image omits the files listed in scripts/slim_packages.py; sizes before compilation of modules"]
    )


def serving_requirements(pyproject: Path) -> list[str]:
    """The requirements of the extra `serving`."""
    project = tomllib.loads(pyproject.read_text())["project"]
    return [str(requirement) for requirement in project["optional-dependencies"]["serving"]]


def install(requirements: Sequence[str], target: Path) -> None:
    """Install packages and their dependencies into a folder, with the versions of constraints.txt."""
    uv = Path(sys.executable).with_name("uv")
    installer = [str(uv), "pip"] if uv.exists() else [sys.executable, "-m", "pip"]
    limits = ["--constraint", str(ROOT / "constraints.txt"), "--target", str(target)]
    subprocess.run([*installer, "install", "--quiet", *limits, *requirements], check=True)


def total(folder: Path) -> int:
    """Size of all files under a folder, in bytes."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def by_package(target: Path) -> list[tuple[str, int]]:
    """The packages in a folder with the size of their existing files in bytes, largest first."""
    sizes = {}
    for record in target.glob("*.dist-info/RECORD"):
        with record.open(encoding="utf-8", newline="") as file:
            paths = [target / row[0] for row in csv.reader(file) if row]
        name = record.parent.name.removesuffix(".dist-info").replace("-", " ")
        sizes[name] = sum(path.stat().st_size for path in paths if path.is_file())
    return sorted(sizes.items(), key=lambda entry: -entry[1])
