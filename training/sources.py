"""What code a stage is: its module and all of this project that it imports, so that other code makes it run again."""

import ast
import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("lambda_app", "training")
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def with_imports(root: Path, sources: Iterable[Path]) -> dict[Path, ast.Module]:
    """Python files, and those of `PACKAGES` in `root` that they import, directly or through one another; parsed."""
    found: dict[Path, ast.Module] = {}
    waiting = list(sources)
    while waiting:
        path = waiting.pop()
        if path not in found:
            found[path] = ast.parse(path.read_bytes(), str(path))
            waiting.extend(_imported(root, found[path]))
    return found


def code_digest(source: Path, root: Path = ROOT) -> str:
    """Hex SHA-256 of what a Python file and its imports of this project do: comments and docstrings do not count."""
    digest = hashlib.sha256()
    for path, tree in sorted(with_imports(root, [source]).items()):
        for node in ast.walk(tree):
            if isinstance(node, _DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
                del node.body[0]
        digest.update(f"{path.name}\0{ast.dump(tree)}\0".encode())
    return digest.hexdigest()


def _imported(root: Path, tree: ast.Module) -> Iterator[Path]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            # `from package import name`: the name may be a module or something within one.
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        for name in names:
            path = root.joinpath(*name.split(".")).with_suffix(".py")
            if name.partition(".")[0] in PACKAGES and path.is_file():
                yield path
