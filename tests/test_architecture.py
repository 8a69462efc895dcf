"""Which module may import which: checked in the sources and, for indirect imports, in a new process."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = (
    "lambda_app",
    "training",
    "cdk",
    "sample",
    "client",
    "fetch",
    "benchmarks",
    "reliability",
    "operate",
    "pins",
)

# Rooms, top to bottom, as in docs/design.md. A file's room is its path: `lambda_app/api/app.py` is in room `api`,
# `lambda_app/model/session.py` in room `model`. A file may import its own room and the rooms of later floors.
FLOORS = {
    "lambda_app": "handler promoter | api | promotion | catalogue | recommendation | search model store | settings"
    " | release | likeness | photo | telemetry | errors version",
    # The stages do not import each other: fit knows nothing of evaluate, index nothing of export.
    "training": "cloud compare | train | settings | prepare fit evaluate export index pack | network | dataset metrics"
    " | pipeline | errors",
    "cdk": "app | stack pipeline | outputs | serving training watching operators storage vectors | front | permissions"
    " | nag context log_group",
    "benchmarks": "scale peers | bench changes drift words same page vectors vector_costs | processes | inputs"
    " | figures",
    "reliability": "command | conformance fuzz soak | pages",
}
# The code that training shares with serving, so that training measures the code that serves; and the store, for a
# release whose model it uses again.
SHARED = {"search", "model", "store", "release", "likeness", "photo", "errors"}
# Of the other packages of this project, what each package may import. The image and the job hold no others.
MAY_IMPORT = {
    "training": {"lambda_app"},
    # Not the other way round: training never downloads a photo.
    "fetch": {"lambda_app", "training"},
    "benchmarks": {"lambda_app", "training", "sample", "operate"},
    # scripts/catalogue reads listings as training does. client.command is the command line of all scripts.
    "operate": {"lambda_app", "training", "client"},
    # Only its context keys, one of which has a container's tag as default.
    "pins": {"cdk", "client"},
    # It attacks the small releases and crafted drops of the tests, and kills what scripts/catalogue runs.
    "reliability": {"lambda_app", "training", "sample", "benchmarks", "operate", "client", "tests"},
}
MOST_ENTRIES = 16
MOST_LINES = 260
# Serving must not load these: each would add seconds and hundreds of megabytes to a cold start.
NEVER = {
    "torch",
    "torchvision",
    "onnx",
    "onnxscript",
    "matplotlib",
    "pandas",
    "training",
    "cdk",
    "aws_cdk",
}


def imports(path: Path) -> Iterator[str]:
    """Every module that a source file imports, at its top or within a function: "a.b" and "a.b.name"."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def sources(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def room(path: Path) -> str:
    """The room of a file of a package; a package's own `__init__.py` has none."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return parts[1] if len(parts) > 1 else ""


def rooms_imported(path: Path, package: str) -> set[str]:
    """The rooms of a package that a file imports from."""
    names = {name.split(".")[1] for name in imports(path) if name.startswith(f"{package}.")}
    return names & {room(source) for source in sources(package)}


def modules_imported(path: Path) -> set[Path]:
    """The files of this project that a file imports."""
    found = set()
    for name in imports(path):
        place = ROOT.joinpath(*name.split("."))
        found |= {file for file in (place.with_suffix(".py"), place / "__init__.py") if file.is_file()}
    return found


def floor_of(package: str) -> dict[str, int]:
    """The floor of each room, 0 at the top."""
    floors = FLOORS[package].split(" | ")
    return {name: number for number, floor in enumerate(floors) for name in floor.split()}


def upward_imports(package: str) -> list[str]:
    """Imports from a higher floor, or from another room of the same floor."""
    floors = floor_of(package)
    found = []
    for path in sources(package):
        own = room(path)
        if own == "__init__":
            continue
        for other in rooms_imported(path, package) - {own}:
            if floors[other] <= floors[own]:
                found.append(f"{path.relative_to(ROOT)} imports {other}")
    return found


def circles(graph: dict[Path, set[Path]]) -> list[str]:
    """The nodes of a graph that are on a circle or lead to one, by Kahn's algorithm."""
    left = {node: targets - {node} for node, targets in graph.items()}
    while free := [node for node, targets in left.items() if not targets & left.keys()]:
        for node in free:
            del left[node]
    return sorted(str(node.relative_to(ROOT)) for node in left)


def loaded_by(statement: str) -> set[str]:
    """The top-level modules that a new process has loaded after a statement."""
    code = f"{statement}\nimport sys\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    environ = {**os.environ, "LOOKALIKE_STORE": "unused", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True, cwd=ROOT
    )
    return set(done.stdout.split())


@pytest.mark.parametrize("package", FLOORS)
def test_every_room_has_a_floor(package: str):
    assert {room(path) for path in sources(package)} - {"__init__"} == set(floor_of(package))


@pytest.mark.parametrize("package", FLOORS)
def test_imports_go_only_to_lower_floors(package: str):
    assert upward_imports(package) == []


def test_training_imports_only_the_shared_rooms_of_serving():
    for path in sources("training"):
        assert rooms_imported(path, "lambda_app") <= SHARED, path
        assert not [name for name in imports(path) if name.partition(".")[0] in ("cdk", "aws_cdk")], path


def test_no_files_import_each_other_in_a_circle():
    files = [path for package in PACKAGES for path in sources(package)]
    assert circles({path: modules_imported(path) for path in files}) == []


def test_no_folders_import_each_other_in_a_circle():
    graph: dict[Path, set[Path]] = {}
    for path in (path for package in PACKAGES for path in sources(package)):
        others = {other.parent for other in modules_imported(path) if other.name != "__init__.py"}
        graph.setdefault(path.parent, set()).update(others)
    # Leave out the top of a package, which has both entry points and its lowest modules: the floors above cover it.
    assert circles({folder: others for folder, others in graph.items() if folder.parent != ROOT}) == []


def test_the_check_finds_a_circle():
    a, b, c, d = (ROOT / name for name in "abcd")
    assert circles({a: {b}, b: {c}, c: {a}, d: set()}) == ["a", "b", "c"]
    assert circles({a: {b, a}, b: {c}, c: set()}) == []


@pytest.mark.parametrize("package", PACKAGES)
def test_folders_and_files_stay_within_their_limits(package: str):
    for folder in {path.parent for path in sources(package)}:
        entries = {entry.name for entry in folder.iterdir()} - {"__init__.py", "__pycache__", "py.typed"}
        assert len(entries) <= MOST_ENTRIES, f"{folder.relative_to(ROOT)} has {len(entries)} entries"
    for path in sources(package):
        lines = len(path.read_text().splitlines())
        assert lines <= MOST_LINES, f"{path.relative_to(ROOT)} has {lines} lines"


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_import_only_the_packages_they_may(package: str):
    own_code = {*PACKAGES, "tests", "scripts"} - {package} - MAY_IMPORT.get(package, set())
    forbidden = own_code | ({"torch"} if package == "lambda_app" else set())
    for path in sources(package):
        assert not {name.partition(".")[0] for name in imports(path)} & forbidden, path


@pytest.mark.parametrize("package", [name for name in PACKAGES if name != "benchmarks"])  # it times an import
def test_imports_are_absolute_and_written_as_imports(package: str):
    """Relative and computed imports would escape the tests above. So would a module beside a folder of its name."""
    for path in sources(package):
        for node in ast.walk(ast.parse(path.read_text())):
            assert not (isinstance(node, ast.ImportFrom) and node.level), f"{path} has a relative import"
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                assert called not in ("importlib.import_module", "import_module", "__import__"), path
        assert not path.with_suffix("").is_dir(), f"{path} is beside a folder of that name"


@pytest.mark.parametrize("module", ["lambda_app.api.app", "lambda_app.handler", "lambda_app.promotion.promotion"])
def test_serving_loads_nothing_of_training(module: str):
    assert not loaded_by(f"import {module}") & NEVER


def test_a_release_in_s3_vectors_is_served_without_faiss():
    modules = ("lambda_app.api.app", "lambda_app.recommendation.recommender", "lambda_app.search.s3vectors.opening")
    assert not {"faiss", "botocore", "boto3"} & loaded_by(f"import {', '.join(modules)}")


def test_a_folder_store_loads_nothing_of_s3():
    made = "from lambda_app.api.app import create_app\nfrom lambda_app.settings import Settings\n"
    assert not {"botocore", "obstore"} & loaded_by(f"{made}create_app(Settings(store='unused'))")


@pytest.mark.parametrize(
    "package", ["lambda_app", "training", "cdk", "sample", "fetch", "benchmarks", "reliability", "operate", "pins"]
)
def test_only_five_modules_read_the_environment(package: str):
    # The limiter and the check are Lambdas of their own, which nothing imports. onnx_runtime.py only writes the switch
    # that ONNX Runtime reads during its import.
    lambdas = {"cdk/watching/limiter.py", "cdk/serving/check/index.py"}
    allowed = {"lambda_app/settings.py", "cdk/app.py", "lambda_app/model/onnx_runtime.py"} | lambdas
    for path in sources(package):
        name = path.relative_to(ROOT).as_posix()
        reads = "os.environ" in path.read_text() or "getenv" in path.read_text()
        if reads and name not in allowed:
            # Allowed in training: the variables of SageMaker, and those of torchrun with the rank of the process.
            handed_on = "SM_" in path.read_text() or "process_group(os.environ)" in path.read_text()
            assert handed_on, f"{name} reads the environment"


def test_nothing_is_pickled_and_packages_do_nothing_when_imported():
    for package in ("lambda_app", "training", "cdk", "sample", "fetch", "benchmarks", "reliability", "operate", "pins"):
        for path in sources(package):
            assert not {"pickle", "joblib", "dill"} & {name.partition(".")[0] for name in imports(path)}, path
            if path.name == "__init__.py":
                body = ast.parse(path.read_text()).body
                assert all(isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) for node in body), path
