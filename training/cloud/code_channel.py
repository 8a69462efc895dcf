"""The code archive of a training job in the cloud. SageMaker's toolkit runs `training/train.py` from it.

The archive contains `training/`, the modules of `lambda_app/` that training imports directly or indirectly,
`requirements.txt` and exact versions for the container, and the metadata file of the distribution. The code reads the
project's version from that file, because the project itself is not installed in the container.
"""

import gzip
import importlib.metadata
import io
import re
import tarfile
from pathlib import Path

from training.pipeline.code_digest import with_imports

DISTRIBUTION = "lookalike"
SHARED = "lambda_app"
OWN = "training"
REQUIREMENTS = "requirements.txt"
CONSTRAINTS = "constraints.txt"
# What AWS's container brings, in versions that belong together.
_OF_THE_CONTAINER = ("torch", "torchvision", "triton", "boto3", "botocore", "s3transfer", "setuptools", "pip", "uv")
_CUDA = ("nvidia-", "cuda-")


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
    files[REQUIREMENTS] = f"--constraint {CONSTRAINTS}\n".encode() + (root / OWN / REQUIREMENTS).read_bytes()
    files[CONSTRAINTS] = pinned((root / CONSTRAINTS).read_text(encoding="utf-8")).encode()
    version = importlib.metadata.version(DISTRIBUTION)
    metadata = f"Metadata-Version: 2.1\nName: {DISTRIBUTION}\nVersion: {version}\n"
    files[f"{DISTRIBUTION}-{version}.dist-info/METADATA"] = metadata.encode()
    return files


def pinned(constraints: str) -> str:
    """The exact versions for the container: those of this project, without what the container brings itself.

    So a model is exported by the packages that the tests ran with, and that serving has.
    """
    kept = []
    for line in constraints.splitlines():
        name = re.split(r"[<>=!~ ;@]", line, maxsplit=1)[0].lower()
        if name and name not in _OF_THE_CONTAINER and not name.startswith(_CUDA):
            kept.append(line)
    return "\n".join(kept) + "\n"


def shared_modules(root: Path) -> list[Path]:
    """The files of `lambda_app` that training imports, directly or indirectly, and the package's `__init__.py`."""
    package = root / SHARED
    found = with_imports(root, [package / "__init__.py", *(root / OWN).rglob("*.py")])
    return sorted(path for path in found if package in path.parents)
