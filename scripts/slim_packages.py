"""Removes files that serving never reads from a folder of installed packages. The build of the image runs it.

    python scripts/slim_packages.py TARGET

Each entry is a path or a pattern under TARGET, with the reason why serving does not need it. A pattern without a match
is not an error: another version of a package may not have the files.
"""

import argparse
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

UNREAD = {
    "onnxruntime/capi/libonnxruntime.so*": "the C library for other languages; the Python module contains its own copy",
    "onnxruntime/backend": "a test runner of onnx",
    "onnxruntime/datasets": "example models",
    "onnxruntime/quantization": "quantisation to int8; only training does that",
    "onnxruntime/tools": "conversion of models",
    "onnxruntime/transformers": "conversion of language models",
    "numpy/**/tests": "numpy's tests",
    "numpy/f2py": "Fortran wrappers",
    "numpy/_core/lib": "only for linking against numpy",
    "numpy/_core/include": "only for compiling against numpy",
    "faiss/contrib": "examples for faiss",
    "botocore/data/*/": "API descriptions of services other than SERVICES",
}
# The services that serving calls: the store, and the search of a catalogue in a vector index. Assumed roles need sts.
# Files beside their folders stay too: endpoints, partitions, rules of retries.
SERVICES = ("s3", "s3vectors", "sts")


def unread(target: Path) -> Iterator[Path]:
    """The files and folders under `target` to remove."""
    for pattern in UNREAD:
        for path in sorted(target.glob(pattern)):
            kept = path.parent == target / "botocore" / "data" and (path.name in SERVICES or not path.is_dir())
            if not kept:
                yield path


def slim(target: Path) -> int:
    """Remove the unread files; the number of bytes saved."""
    saved = 0
    for path in list(unread(target)):
        if not path.exists():
            continue  # already removed with its parent folder
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
    parser.add_argument("target", type=Path, help="folder of the packages, from pip install --target")
    target = parser.parse_args().target
    if not (target / "onnxruntime").is_dir():
        sys.exit(f"{target} does not contain onnxruntime; give the folder with the installed serving packages")
    print(f"{slim(target) / 1e6:.0f} MB of unread files removed from {target}")


if __name__ == "__main__":
    main()
