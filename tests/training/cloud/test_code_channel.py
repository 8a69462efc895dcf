import ast
import importlib.metadata
import io
import os
import re
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path

import pytest

from cdk.training.flow import ENTRY_POINT
from training.cloud.code_channel import contents, pack, shared_modules

ROOT = Path(__file__).parents[3]
# The packages of AWS's container.
CONTAINER = {"torch", "torchvision", "boto3", "botocore"}
# Import names that differ from the name of the distribution.
DISTRIBUTIONS = {"PIL": "pillow", "faiss": "faiss-cpu", "huggingface_hub": "huggingface-hub"}


def unpack(folder: Path) -> None:
    with tarfile.open(fileobj=io.BytesIO(pack(ROOT)), mode="r:gz") as archive:
        archive.extractall(folder, filter="data")


def imported(source: bytes) -> set[str]:
    """The top-level packages that a module imports."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found


def requirements() -> dict[str, str]:
    """Distribution -> line of the container's requirements."""
    lines = (ROOT / "training" / "requirements.txt").read_text(encoding="utf-8").splitlines()
    return {re.split(r"[<>=~!]", line)[0]: line for line in lines if line and not line.startswith("#")}


def test_training_can_be_imported_with_only_the_unpacked_archive(tmp_path: Path) -> None:
    unpack(tmp_path)
    # Import the first stage: it needs most of the archived `lambda_app`, but not torch, whose import takes seconds.
    script = (
        "import importlib.metadata, lambda_app, training, training.prepare\n"
        "print(lambda_app.__file__, training.__file__, importlib.metadata.version('lookalike'))\n"
    )
    # As in the toolkit of the container, the folder of the code is first on the path.
    environ = {**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONSAFEPATH": "1"}
    run = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=environ, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    version = importlib.metadata.version("lookalike")
    assert run.stdout.split() == [str(tmp_path / name / "__init__.py") for name in ("lambda_app", "training")] + [
        version
    ]


def test_the_archive_has_the_entry_point_of_the_flow_and_requirements_at_its_root() -> None:
    files = contents(ROOT)
    assert ENTRY_POINT in files
    assert files["requirements.txt"] == b"--constraint constraints.txt\n" + files["training/requirements.txt"]


def test_the_archive_has_every_module_that_its_packages_import() -> None:
    files = contents(ROOT)
    modules = {name.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for name in files}
    for name, source in files.items():
        for node in ast.walk(ast.parse(source)) if name.endswith(".py") else ():
            if isinstance(node, ast.ImportFrom) and str(node.module).partition(".")[0] in ("training", "lambda_app"):
                assert node.module in modules, (name, node.module)


def test_the_archive_has_the_templates_and_the_style_sheet_of_the_report() -> None:
    report = ROOT / "training" / "evaluate" / "report"
    files = contents(ROOT)
    templates = list((report / "templates").iterdir())
    assert report / "templates" / "page.html.jinja" in templates
    for path in (report / "style.css", *templates):
        assert files[path.relative_to(ROOT).as_posix()] == path.read_bytes()


def test_the_archive_has_only_the_modules_of_lambda_app_that_training_imports() -> None:
    shared = {path.relative_to(ROOT / "lambda_app").as_posix() for path in shared_modules(ROOT)}
    assert {"__init__.py", "errors.py", "photo/__init__.py", "photo/preprocessing.py", "release/manifest.py"} <= shared
    assert not shared & {"app.py", "handler.py", "promoter.py", "schemas.py"}
    assert not any("__pycache__" in name or "web/" in name for name in contents(ROOT))


def test_indirect_imports_are_followed(tmp_path: Path) -> None:
    for name, source in {
        "training/a.py": "def f():\n    from lambda_app import one\n",
        "training/b.py": "import lambda_app.four\nfrom lambda_app.one import CONSTANT\n",
        "lambda_app/__init__.py": "",
        "lambda_app/one.py": "from lambda_app.two import thing\n",
        "lambda_app/two.py": "from lambda_app import one\n",
        "lambda_app/three.py": "",
        "lambda_app/four.py": "",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(source)
    assert [path.name for path in shared_modules(tmp_path)] == ["__init__.py", "four.py", "one.py", "two.py"]


def test_the_same_sources_give_the_same_bytes_on_every_machine() -> None:
    first = pack(ROOT)
    assert pack(ROOT) == first
    with tarfile.open(fileobj=io.BytesIO(first), mode="r:gz") as archive:
        for entry in archive:
            assert (entry.uid, entry.gid, entry.uname, entry.gname, entry.mtime) == (0, 0, "", "", 0)


def test_the_container_installs_all_imports_of_the_code_except_torch() -> None:
    sources = [data for name, data in contents(ROOT).items() if name.endswith(".py")]
    third_party = set.union(*map(imported, sources)) - sys.stdlib_module_names - {"training", "lambda_app"}
    needed = {DISTRIBUTIONS.get(name, name) for name in third_party - CONTAINER}
    # torch's exporter imports onnxscript.
    assert needed <= set(requirements())
    assert not CONTAINER & set(requirements())


def test_the_container_installs_the_exact_versions_of_this_project_and_keeps_its_own_torch() -> None:
    lines = contents(ROOT)["constraints.txt"].decode().splitlines()
    pins = dict(line.split(" ;")[0].split("==") for line in lines)
    assert set(requirements()) <= set(pins)
    assert pins["onnxruntime"] == importlib.metadata.version("onnxruntime")
    assert not CONTAINER & set(pins)
    assert not [name for name in pins if name.startswith(("nvidia", "cuda", "triton"))]
    assert len(lines) < len((ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines())


@pytest.mark.parametrize("name", sorted(requirements()))
def test_the_version_ranges_of_the_container_match_the_project(name: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    assert requirements()[name] in extras["training"] + extras["serving"]
