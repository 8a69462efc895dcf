"""A release as a teacher. Only its manifest and model are used."""

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lambda_app.errors import LookalikeError
from lambda_app.model.session import Model
from lambda_app.release.manifest import MANIFEST, Manifest, read_manifest, verify_file
from training.errors import TeacherError
from training.pipeline.files import write_json
from training.pipeline.released import Released, told_of

_OPTION = "--teacher"
_SOURCE = "source.json"  # which release the copies were made from


@dataclass(frozen=True)
class Teacher:
    """A verified release.

    Attributes:
        manifest: of the release.
        path: its ONNX model.
    """

    manifest: Manifest
    path: Path

    @property
    def dim(self) -> int:
        """Dimension of its embedding."""
        return self.manifest.model.embedding_dim

    def about(self) -> dict[str, Any]:
        """What is recorded of it: release id, sha256 of its model, precision, dimension and photo size."""
        model = self.manifest.model
        return {
            "release": self.manifest.release,
            "sha256": model.sha256,
            "precision": model.precision,
            "embedding_dim": model.embedding_dim,
            "size": self.manifest.preprocessing.size,
        }

    def check_categories(self, categories: Sequence[str]) -> None:
        """Check that these are the teacher's categories, in its order.

        Raises:
            TeacherError: names the first difference.
        """
        own = self.manifest.categories
        if own == tuple(categories):
            return
        place = next((n for n, (a, b) in enumerate(zip(own, categories, strict=False)) if a != b), None)
        if place is not None:
            difference = f"category {place + 1} is {own[place]!r} there and {categories[place]!r} here"
        elif len(own) > len(categories):
            difference = f"{own[len(categories)]!r} is missing here"
        else:
            difference = f"{categories[len(own)]!r} is missing there"
        raise TeacherError(
            f"the teacher {self.manifest.release} has {len(own)} categories, the dataset {len(categories)}, and they "
            f"must be the same in the same order: {difference}"
        )

    def open(self, threads: int = 0) -> Model:
        """Its model in ONNX Runtime; 0 threads are all cores.

        Raises:
            TeacherError: the model does not load, or its outputs are not those that the manifest names.
        """
        try:
            model = Model(self.path, threads=threads)
        except LookalikeError as exc:
            raise TeacherError(f"the teacher {self.manifest.release}: {exc}") from exc
        found, expected = (model.classes, model.embedding_dim), (len(self.manifest.categories), self.dim)
        if found != expected:
            raise TeacherError(
                f"the teacher {self.manifest.release}: its model has {found[0]} classes and {found[1]} dimensions, its "
                f"manifest {expected[0]} and {expected[1]}"
            )
        return model


def manifest_of(source: str) -> Manifest:
    """The manifest of a release.

    Args:
        source: see `Released.find`.

    Raises:
        TeacherError: there is no release, or it is damaged.
        StoreError: the store cannot be read.
    """
    with told_of(_OPTION, source, TeacherError), tempfile.TemporaryDirectory(prefix="teacher-") as folder:
        return Released.find(source).copy(Path(folder), lambda _: False)


def take_over(source: str, folder: Path) -> Teacher:
    """Copy manifest and model of a release to a folder, verified; a later call with the same release copies nothing.

    Args:
        source: see `Released.find`.

    Raises:
        TeacherError: there is no release, or it is damaged.
        StoreError: the store cannot be read.
    """
    with told_of(_OPTION, source, TeacherError):
        found = Released.find(source)
        made_from = [source if "://" in source else str(Path(source).resolve()), *found.state()]
        if (known := recorded(folder)) is not None and _read_source(folder) == made_from:
            return known
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _SOURCE).unlink(missing_ok=True)
        with tempfile.TemporaryDirectory(prefix=".teacher-", dir=folder) as new:
            manifest = found.copy(Path(new), lambda name: name.endswith(".onnx"))
            for name in (manifest.model.file, MANIFEST):
                (Path(new) / name).replace(folder / name)
    write_json(folder / _SOURCE, made_from)
    return Teacher(manifest, folder / manifest.model.file)


def recorded(folder: Path) -> Teacher | None:
    """The teacher that `take_over` copied to this folder; None if there is none, or its files are damaged."""
    try:
        manifest = read_manifest((folder / MANIFEST).read_bytes())
        verify_file(folder / manifest.model.file, manifest.model)
    except (OSError, LookalikeError):
        return None
    return Teacher(manifest, folder / manifest.model.file)


def _read_source(folder: Path) -> Any:
    try:
        return json.loads((folder / _SOURCE).read_bytes())
    except (OSError, ValueError):
        return None
