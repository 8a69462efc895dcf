"""A release as a teacher: an archive, an unpacked folder, or a work folder. Only manifest and model are used."""

import json
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lambda_app.errors import LookalikeError, ReleaseError
from lambda_app.model.session import Model
from lambda_app.release.archive import unpack
from lambda_app.release.manifest import MANIFEST, Manifest, read_manifest, verify_file
from training.errors import TeacherError
from training.pipeline.files import write_file, write_json

_SOURCE = "source.json"  # which file the copies were made from


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
        source: an archive, an unpacked release, or the work folder of a run.

    Raises:
        TeacherError: there is no release, or it is damaged.
    """
    with _unpacked(source, with_model=False) as (_, manifest):
        return manifest


def take_over(source: str, folder: Path) -> Teacher:
    """Copy manifest and model of a release to a folder, verified; a later call with the same file copies nothing.

    Args:
        source: see `manifest_of`.

    Raises:
        TeacherError: there is no release, or it is damaged.
    """
    made_from = [str(Path(source).resolve()), *_state(source)]
    if (known := recorded(folder)) is not None and _read_source(folder) == made_from:
        return known
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _SOURCE).unlink(missing_ok=True)
    with _unpacked(source, with_model=True, scratch=folder) as (files, manifest):
        model, target = files / manifest.model.file, folder / manifest.model.file
        verify_file(model, manifest.model)
        partial = target.with_name(f".{target.name}.partial")
        shutil.copyfile(model, partial)
        partial.replace(target)
        write_file(folder / MANIFEST, (files / MANIFEST).read_bytes())
    write_json(folder / _SOURCE, made_from)
    return Teacher(manifest, target)


def recorded(folder: Path) -> Teacher | None:
    """The teacher that `take_over` copied to this folder; None if there is none, or its files are damaged."""
    try:
        manifest = read_manifest((folder / MANIFEST).read_bytes())
        verify_file(folder / manifest.model.file, manifest.model)
    except (OSError, LookalikeError):
        return None
    return Teacher(manifest, folder / manifest.model.file)


@contextmanager
def _unpacked(source: str, *, with_model: bool, scratch: Path | None = None) -> Iterator[tuple[Path, Manifest]]:
    """The folder with the files of a release, and its manifest."""
    given = Path(source)
    if not given.exists():
        raise TeacherError(f"--teacher {source}: no such file or folder; it names a release archive or its folder")
    try:
        if given.is_dir():
            found = next((place for place in (given, given / "release") if (place / MANIFEST).is_file()), None)
            if found is None:
                raise TeacherError(f"--teacher {source}: the folder holds no {MANIFEST}, and no release/{MANIFEST}")
            yield found, read_manifest((found / MANIFEST).read_bytes())
            return
        with tempfile.TemporaryDirectory(prefix=".teacher-", dir=scratch) as folder:
            manifest = unpack(given, Path(folder), wanted=lambda name: with_model and name.endswith(".onnx"))
            yield Path(folder), manifest
    except ReleaseError as exc:
        raise TeacherError(f"--teacher {source}: {exc}") from exc


def _state(source: str) -> list[int]:
    """Size and time of the archive, or of the manifest in the folder; empty if there is none."""
    given = Path(source)
    places = (given, given / MANIFEST, given / "release" / MANIFEST)
    file = next((place for place in places if place.is_file()), None)
    return [] if file is None else [file.stat().st_size, file.stat().st_mtime_ns]


def _read_source(folder: Path) -> Any:
    try:
        return json.loads((folder / _SOURCE).read_bytes())
    except (OSError, ValueError):
        return None
