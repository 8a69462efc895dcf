"""The code archive of a training job in the cloud. SageMaker's toolkit runs `training/train.py` from it.

The archive contains `training/`, the modules of `lambda_app/` that training imports directly or indirectly,
`requirements.txt` for the container, and the metadata file of the distribution. The code reads the project's version
from that file, because the project itself is not installed in the container.
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
    """The archive (tar.gz). It is reproducible: the same sources always give the same bytes.

    Args:
        root: root of the checkout, which contains `training/` and `lambda_app/`.
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
    """The files of the archive: path in the archive to content."""
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
    """The files of `lambda_app` that training imports, directly or indirectly, and the package's `__init__.py`."""
    package = root / SHARED
    found = with_imports(root, [package / "__init__.py", *(root / OWN).rglob("*.py")])
    return sorted(path for path in found if package in path.parents)
