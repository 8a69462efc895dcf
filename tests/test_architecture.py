"""Who may import whom, read from the sources and, for what comes indirectly, from a fresh process."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TIERS = [
    {"errors", "memory", "photo_rules", "preprocessing", "release", "archive", "catalog", "columns", "rows", "timings"},
    {
        "settings",
        "store",
        "folder_store",
        "s3_client",
        "s3_store",
        "ranged_download",
        "model",
        "search",
        "vector_file",
        "multipart",
        "telemetry",
        "observer",
        "query",
    },
    {"recommender", "live", "schemas", "smoke", "publishing", "promotion", "calls"},
    {
        "answers",
        "app",
        "files",
        "gateway",
        "handler",
        "intake",
        "items",
        "middleware",
        "openapi",
        "predictions",
        "problems",
        "promoter",
        "status",
    },
]
TIER = {module: tier for tier, modules in enumerate(TIERS) for module in modules}
# Loaded by nothing that serves: each would cost a cold start seconds and hundreds of megabytes.
NEVER = {
    "torch",
    "torchvision",
    "onnx",
    "onnxscript",
    "matplotlib",
    "tensorboard",
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


def lambda_modules(path: Path) -> set[str]:
    """The modules of lambda_app that a file imports."""
    names = {name.split(".")[1] for name in imports(path) if name.startswith("lambda_app.")}
    return names & {source.stem for source in sources("lambda_app")}


def loaded_by(statement: str) -> set[str]:
    """The top-level modules that a fresh process holds after a statement."""
    code = f"{statement}\nimport sys\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    environ = {**os.environ, "LOOKALIKE_STORE": "unused", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True, cwd=ROOT
    )
    return set(done.stdout.split())


def test_every_module_of_lambda_app_has_a_tier():
    assert set(TIER) == {path.stem for path in sources("lambda_app")} - {"__init__"}


@pytest.mark.parametrize("path", sources("lambda_app"), ids=lambda path: path.stem)
def test_imports_go_down_the_tiers(path: Path):
    for module in lambda_modules(path):
        assert TIER[module] <= TIER.get(path.stem, 0), f"{path.stem} (tier {TIER[path.stem]}) imports {module}"


@pytest.mark.parametrize("path", sources("training"), ids=lambda path: path.stem)
def test_training_imports_the_lower_tiers_only(path: Path):
    for module in lambda_modules(path):
        assert TIER[module] <= 1, f"training/{path.name} imports {module} of tier {TIER[module]}"
        assert module != "settings", f"training/{path.name} imports settings: its own arguments configure it"
    assert not [name for name in imports(path) if name.partition(".")[0] in ("cdk", "aws_cdk")]


@pytest.mark.parametrize(
    "path", [*sources("cdk"), *sources("lambda_app")], ids=lambda path: f"{path.parent.name}/{path.stem}"
)
def test_packages_do_not_reach_across(path: Path):
    others = {"cdk": {"lambda_app", "training"}, "lambda_app": {"cdk", "training", "torch", "sample", "benchmarks"}}
    package = path.relative_to(ROOT).parts[0]
    assert not {name.partition(".")[0] for name in imports(path)} & others[package]


@pytest.mark.parametrize("module", ["lambda_app.app", "lambda_app.handler", "lambda_app.promotion"])
def test_serving_loads_nothing_of_training(module: str):
    assert not loaded_by(f"import {module}") & NEVER


def test_a_folder_store_loads_nothing_of_s3():
    made = "from lambda_app.app import create_app\nfrom lambda_app.settings import Settings\n"
    assert not {"botocore", "obstore"} & loaded_by(f"{made}create_app(Settings(store='unused'))")


@pytest.mark.parametrize("package", ["lambda_app", "training", "cdk", "sample", "benchmarks"])
def test_only_three_places_read_the_environment(package: str):
    allowed = {"lambda_app/settings.py", "cdk/app.py"}
    for path in sources(package):
        name = path.relative_to(ROOT).as_posix()
        reads = "os.environ" in path.read_text() or "getenv" in path.read_text()
        if reads and name not in allowed:
            # Training's arguments: those of SageMaker, and torchrun's, which says who of several a process is.
            handed_on = "SM_" in path.read_text() or "joined(os.environ)" in path.read_text()
            assert handed_on, f"{name} reads the environment"


def test_nothing_is_pickled_and_packages_do_nothing_when_imported():
    for package in ("lambda_app", "training", "cdk", "sample", "benchmarks"):
        for path in sources(package):
            assert not {"pickle", "joblib", "dill"} & {name.partition(".")[0] for name in imports(path)}, path
            if path.name == "__init__.py":
                body = ast.parse(path.read_text()).body
                assert all(isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) for node in body), path
