"""The opened files of a release. Releases that have a file in common share what was opened."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from lambda_app.errors import ReleaseError
from lambda_app.model.session import Model
from lambda_app.release.manifest import EngineName, FileEntry, Manifest
from lambda_app.search.engine import Source
from lambda_app.settings import Settings


@dataclass(frozen=True, eq=False)
class Parts:
    """The opened files of one release, and the manifest that names them.

    Attributes:
        source: what its catalogue is searched in: the files of its segments, or a service.
    """

    manifest: Manifest
    model: Model
    source: Source
    engine: EngineName

    @property
    def files(self) -> Iterator[FileEntry]:
        """The files that are open."""
        return self.manifest.serving_files(self.engine)

    def open_model(self, manifest: Manifest) -> Model | None:
        """The model, if the other release has the same."""
        own = self.manifest
        same = (own.model.sha256, own.preprocessing.size) == (manifest.model.sha256, manifest.preprocessing.size)
        return self.model if same else None


def open_parts(
    manifest: Manifest,
    files: Callable[[FileEntry], Path],
    settings: Settings,
    previous: Parts | None = None,
    read: Callable[[str], bytes] | None = None,
) -> Parts:
    """Open the files of a release, and check that they match each other and the manifest.

    Args:
        manifest: the release's manifest.
        files: returns the verified local path of a file. It is not asked for a file that `previous` has open.
        settings: threads and limits.
        previous: the parts of another release, opened with the same settings.
        read: reads a small object of the store, by its key; None: there is no store.

    Raises:
        ReleaseError: a part cannot be opened, or does not match the others or the manifest.
        StoreError: raised by `files`.
        SearchUnavailableError: the service that searches the catalogue does not have it.
    """
    engine = manifest.searched_by(settings.search)
    with ThreadPoolExecutor(1, thread_name_prefix="model-opener") as pool:
        # The model is the largest file and takes longest to open. The other files are downloaded meanwhile.
        opening = pool.submit(_open_model, manifest, files, settings, previous)
        source: Source
        # Imported only now: a process needs FAISS or botocore, each of which takes time and memory.
        if engine == "s3vectors":
            from lambda_app.search.s3vectors.opening import open_vectors_index

            source = open_vectors_index(
                manifest, settings.vector_bucket, read, None if previous is None else previous.source
            )
            dims = {"the index of S3 Vectors": source.dim}
        else:
            from lambda_app.search.local.opening import open_segments

            known = None if previous is None else (previous.manifest, previous.source)
            source = open_segments(manifest, files, settings.threads, known)
            dims = source.dims
        _check_dimensions(manifest, opening.result(), dims)
    return Parts(manifest, opening.result(), source, engine)


def _open_model(
    manifest: Manifest, files: Callable[[FileEntry], Path], settings: Settings, previous: Parts | None
) -> Model:
    if previous is not None and (known := previous.open_model(manifest)) is not None:
        return known
    model = Model(files(manifest.model), threads=settings.threads, seconds=settings.forward_seconds)
    size = manifest.preprocessing.size
    if model.input_shape[1:] == (3, size, size):
        return model  # the input size is fixed and fits; a trial pass would add 0.05 s to a cold start
    model.try_size(size)
    return model


def _check_dimensions(manifest: Manifest, model: Model, dims: Mapping[str, int]) -> None:
    """Check the model against the manifest and the indexes; `dims`: the dimensions of each index, by its file."""
    for file, dim in dims.items():
        if not model.embedding_dim == dim == manifest.model.embedding_dim:
            raise ReleaseError(
                f"embedding dimensions disagree: the model has {model.embedding_dim}, the index {dim}, "
                f"the manifest {manifest.model.embedding_dim} ({file})"
            )
    if model.classes != len(manifest.categories):
        raise ReleaseError(f"the model has {model.classes} classes; the manifest names {len(manifest.categories)}")
