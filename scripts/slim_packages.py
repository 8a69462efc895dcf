"""Removes from a folder of installed serving packages what serving never reads; part of the image's build.

    python scripts/slim_packages.py TARGET

Each entry is a path, or a pattern of paths, under TARGET, with the reason that it is not missed. Patterns that match
nothing are no error: another version of a package may have dropped the files itself.
"""

import argparse
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

UNREAD = {
    "onnxruntime/capi/libonnxruntime.so*": "the C library for other languages; Python's module has it within itself",
    "onnxruntime/backend": "onnx's own test runner",
    "onnxruntime/datasets": "example models",
    "onnxruntime/quantization": "making of int8 models; training does that",
    "onnxruntime/tools": "conversion of models",
    "onnxruntime/transformers": "conversion of language models",
    "numpy/**/tests": "numpy's tests",
    "numpy/f2py": "Fortran wrappers",
    "numpy/_core/lib": "for linking against numpy",
    "numpy/_core/include": "for compiling against numpy",
    "faiss/contrib": "examples around faiss",
    "botocore/data/*/": "API descriptions of other services than those of SERVICES",
}
# What the store calls; sts stands behind roles that are assumed.
SERVICES = ("s3", "sts")


def unread(target: Path) -> Iterator[Path]:
    """The files and folders under `target` that go."""
    for pattern in UNREAD:
        for path in sorted(target.glob(pattern)):
            kept = path.parent == target / "botocore" / "data" and (path.name in SERVICES or not path.is_dir())
            if not kept:
                yield path


def slim(target: Path) -> int:
    """Remove them; how many bytes that were."""
    saved = 0
    for path in list(unread(target)):
        if not path.exists():
            continue  # went with a folder above it
        if path.is_dir():
            saved += sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
            shutil.rmtree(path)
        else:
            saved += path.stat().st_size
            path.unlink()
    return saved


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("target", type=Path, help="folder that holds the packages, as of pip install --target")
    target = parser.parse_args().target
    if not (target / "onnxruntime").is_dir():
        sys.exit(f"{target} holds no onnxruntime: give the folder that the serving packages were installed into")
    print(f"{slim(target) / 1e6:.0f} MB of unread files removed from {target}")


if __name__ == "__main__":
    main()
