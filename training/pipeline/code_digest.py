"""Digest of the code of a stage: its module and all project modules that it imports. A changed digest reruns it."""

import ast
import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("lambda_app", "training")
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def with_imports(root: Path, sources: Iterable[Path]) -> dict[Path, ast.Module]:
    """Parse Python files and all modules of `PACKAGES` in `root` that they import, directly or indirectly."""
    found: dict[Path, ast.Module] = {}
    waiting = list(sources)
    while waiting:
        path = waiting.pop()
        if path not in found:
            found[path] = ast.parse(path.read_bytes(), str(path))
            waiting.extend(_imported(root, found[path]))
    return found


def code_digest(source: Path, root: Path = ROOT) -> str:
    """Hex SHA-256 of a Python file and the project modules that it imports, without comments and docstrings.

    Includes the path of each file relative to `root`, because several files have the same name.
    """
    digest = hashlib.sha256()
    for path, tree in sorted(with_imports(root, [source]).items()):
        for node in ast.walk(tree):
            if isinstance(node, _DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
                del node.body[0]
        name = path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name
        digest.update(f"{name}\0{ast.dump(tree)}\0".encode())
    return digest.hexdigest()


def _imported(root: Path, tree: ast.Module) -> Iterator[Path]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            # `from package import name`: the name may be a module, or an object in the package.
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        for name in names:
            if name.partition(".")[0] in PACKAGES:
                yield from _files_of(root, name)


def _files_of(root: Path, module: str) -> Iterator[Path]:
    """The file of a module, and the `__init__.py` of each package that Python loads before it."""
    parts = module.split(".")
    packages = (root.joinpath(*parts[:depth], "__init__.py") for depth in range(1, len(parts) + 1))
    yield from (path for path in (*packages, root.joinpath(*parts).with_suffix(".py")) if path.is_file())
