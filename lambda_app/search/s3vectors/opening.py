"""Opens the index of a release in S3 Vectors. Releases with the same index share the client and its connections."""

import logging
from collections.abc import Callable

from lambda_app.errors import LookalikeError, ReleaseError
from lambda_app.release.manifest import Manifest
from lambda_app.search.engine import Source
from lambda_app.search.s3vectors.engine import S3VectorsEngine
from lambda_app.search.s3vectors.index import SearchedIndex, make_client
from lambda_app.search.s3vectors.schema import index_name
from lambda_app.search.s3vectors.state import IndexState, read_state, state_key
from lambda_app.search.s3vectors.strays import Strays

log = logging.getLogger(__name__)


def open_vectors_index(
    manifest: Manifest, bucket: str, read: Callable[[str], bytes] | None = None, previous: Source | None = None
) -> S3VectorsEngine:
    """Open the index of a release's model, and check that it exists.

    Args:
        manifest: the release's manifest.
        bucket: name of the vector bucket.
        read: reads an object of the store by its key, such as the state of the index; None: there is no store.
        previous: of another release.

    Raises:
        ReleaseError: no vector bucket is named.
        SearchUnavailableError: the index does not exist, or may not be read.
    """
    if not bucket:
        raise ReleaseError(
            f"release {manifest.release} is searched in S3 Vectors; set LOOKALIKE_VECTOR_BUCKET to the name of the "
            "vector bucket"
        )
    name = index_name(manifest.model.sha256)
    known = previous.index if isinstance(previous, S3VectorsEngine) else None
    if known is not None and (known.bucket, known.name) == (bucket, name):
        index = known
    else:
        index = SearchedIndex(bucket, name, make_client() if known is None else known.client)
    index.check()

    def state_now() -> IndexState | None:
        return None if read is None else _state(read, bucket, name)

    def newest_end() -> int:
        found = state_now()
        return 0 if found is None else found.next_row

    state = state_now()
    count = manifest.count if state is None else state.count
    end = manifest.count if state is None else state.next_row
    dim = manifest.model.embedding_dim
    return S3VectorsEngine(index, dim, count, end, newest_end=newest_end, strays=Strays(name))


def _state(read: Callable[[str], bytes], bucket: str, name: str) -> IndexState | None:
    """What the store knows of the index. A release answers without, so any error is logged only."""
    try:
        state = read_state(read(state_key(name)))
    except LookalikeError as exc:
        log.warning("the state of index %s cannot be read; its count is taken from the manifest: %s", name, exc)
        return None
    if state.vector_bucket != bucket:
        log.warning(
            "the state of index %s is that of vector bucket %s; the count is taken from the manifest",
            name,
            state.vector_bucket,
        )
        return None
    return state
