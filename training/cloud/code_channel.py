"""The code of a training job in the cloud: one archive, of which SageMaker's toolkit runs `training/train.py`.

It holds `training/`, those modules of `lambda_app/` that training imports, directly or not, what the container must
install, and the distribution's name and version, which the code asks for though nothing is installed there.
"""

import gzip
import importlib.metadata
import io
import tarfile
from pathlib import Path

from training.pipeline.code_digest import with_imports

DISTRIBUTION = "lookalike"
SHARED = "lambda_app"
OWN = "training"
REQUIREMENTS = "requirements.txt"


def pack(root: Path) -> bytes:
    """The archive, gzipped: the same bytes for the same sources, wherever and whenever it is made.

    Args:
        root: of the checkout, which holds `training/` and `lambda_app/`.
    """
    compressed = io.BytesIO()
    with (
        gzip.GzipFile(filename="", mode="wb", fileobj=compressed, mtime=0) as stream,
        tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as archive,
    ):
        for name, data in sorted(contents(root).items()):
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return compressed.getvalue()


def contents(root: Path) -> dict[str, bytes]:
    """What the archive holds, by name."""
    own = [path for path in (root / OWN).rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    files = {path.relative_to(root).as_posix(): path.read_bytes() for path in own}
    for path in shared_modules(root):
        files[path.relative_to(root).as_posix()] = path.read_bytes()
    files[REQUIREMENTS] = (root / OWN / REQUIREMENTS).read_bytes()
    version = importlib.metadata.version(DISTRIBUTION)
    metadata = f"Metadata-Version: 2.1\nName: {DISTRIBUTION}\nVersion: {version}\n"
    files[f"{DISTRIBUTION}-{version}.dist-info/METADATA"] = metadata.encode()
    return files


def shared_modules(root: Path) -> list[Path]:
    """The files of `lambda_app` that training imports, directly or through one another, with the package's own."""
    package = root / SHARED
    found = with_imports(root, [package / "__init__.py", *(root / OWN).rglob("*.py")])
    return sorted(path for path in found if package in path.parents)
