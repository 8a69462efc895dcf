"""Digest of the code of a stage: its module and all project modules that it imports. A changed digest reruns it."""

import ast
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("lambda_app", "training")
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class _Parsed:
    """What is needed of a Python file.

    Attributes:
        code: hex SHA-256 of its syntax tree, without comments and docstrings.
        modules: names in `PACKAGES` that it imports, and the packages that hold them; some may be objects rather than
            modules.
    """

    code: str
    modules: frozenset[str]


def with_imports(root: Path, sources: Iterable[Path]) -> set[Path]:
    """Python files and all modules of `PACKAGES` in `root` that they import, directly or indirectly."""
    return set(_followed(root, sources))


def code_digest(source: Path, root: Path = ROOT) -> str:
    """Hex SHA-256 of a Python file and the project modules that it imports, without comments and docstrings.

    Includes the path of each file relative to `root`, because several files have the same name.
    """
    digest = hashlib.sha256()
    for path, parsed in sorted(_followed(root, [source]).items()):
        name = path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name
        digest.update(f"{name}\0{parsed.code}\0".encode())
    return digest.hexdigest()


def _followed(root: Path, sources: Iterable[Path]) -> dict[Path, _Parsed]:
    found: dict[Path, _Parsed] = {}
    looked_up: set[str] = set()
    waiting = list(sources)
    while waiting:
        path = waiting.pop()
        if path not in found:
            found[path] = _parsed(path.read_bytes())
            for name in found[path].modules - looked_up:
                waiting.extend(_files_of(root, name))
            looked_up |= found[path].modules
    return found


@cache  # every stage asks for most files, and parsing all of them takes a second; the key is what is in the file
def _parsed(source: bytes) -> _Parsed:
    tree = ast.parse(source)
    imported = {name for name in _imported(tree) if name.partition(".")[0] in PACKAGES}
    modules = frozenset(name for each in imported for name in _and_packages(each))
    for node in ast.walk(tree):
        if isinstance(node, _DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
            del node.body[0]
    return _Parsed(hashlib.sha256(ast.dump(tree).encode()).hexdigest(), modules)


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            # `from package import name`: the name may be a module, or an object in the package.
            yield from (node.module, *(f"{node.module}.{alias.name}" for alias in node.names))


def _and_packages(module: str) -> Iterator[str]:
    """A module, and the packages that Python loads before it."""
    parts = module.split(".")
    return (".".join(parts[:depth]) for depth in range(1, len(parts) + 1))


def _files_of(root: Path, module: str) -> Iterator[Path]:
    """The file of a module or package."""
    folder = root.joinpath(*module.split("."))
    yield from (path for path in (folder / "__init__.py", folder.with_suffix(".py")) if path.is_file())
