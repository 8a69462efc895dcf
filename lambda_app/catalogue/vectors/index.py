"""An index of S3 Vectors as who fills it sees it: settings, vectors put, deleted, read and listed."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from lambda_app.catalogue.vectors.retrying import RefusedRequestError, Retries
from lambda_app.errors import MissingObjectError, ReleaseError, SettingsError, StoreError
from lambda_app.search.s3vectors.schema import (
    MOST_FILTERABLE_BYTES,
    MOST_KEY_CHARACTERS,
    MOST_LISTED,
    MOST_METADATA_BYTES,
    NON_FILTERABLE,
    SEARCHED_TEXTS,
    index_name,
    index_settings,
    sizes_of,
)
from lambda_app.search.s3vectors.service import make_client

Ready = Callable[[], None]
_PREFIX = "items-"
_CONNECT_SECONDS, _READ_SECONDS = 5, 30


def new_client(connections: int = 4) -> Any:
    """A client that fills indexes: `Retries` decides whether a request is sent again. Requests are not validated.

    Raises:
        SettingsError: botocore finds no region, or a setting of it is wrong.
    """
    from botocore.exceptions import BotoCoreError

    try:
        return make_client(
            connect_seconds=_CONNECT_SECONDS, read_seconds=_READ_SECONDS, connections=connections, checked=False
        )
    except BotoCoreError as exc:
        raise SettingsError(f"S3 Vectors cannot be reached: {exc}") from exc


@dataclass
class VectorsIndex:
    """The index of one model in a vector bucket. Thread-safe as its client is.

    Attributes:
        client: of botocore or boto3 for `s3vectors`.
        bucket: name of the vector bucket.
        name: of the index.
    """

    client: Any
    bucket: str
    name: str
    retries: Retries = field(default_factory=Retries)

    @classmethod
    def of_model(cls, client: Any, bucket: str, model_sha256: str) -> "VectorsIndex":
        """The index of a model, which need not exist."""
        return cls(client, bucket, index_name(model_sha256))

    def __str__(self) -> str:
        """For people."""
        return f"index {self.name} in vector bucket {self.bucket}"

    def describe(self) -> dict[str, Any] | None:
        """Its settings as GetIndex answers them; None if it does not exist.

        Raises:
            StoreError: the vector bucket does not exist, or the service does not answer.
        """
        try:
            found: dict[str, Any] = self._call("get_index", "GetIndex")["index"]
        except MissingObjectError as exc:
            if "bucket" in str(exc.__cause__).lower():
                raise MissingObjectError(f"there is no vector bucket {self.bucket}") from exc
            return None
        return found

    def create(self, dim: int) -> None:
        """Create it. Another process may do so at the same time."""
        try:
            self._call("create_index", "CreateIndex", **index_settings(dim))
        except MissingObjectError as exc:
            raise MissingObjectError(f"there is no vector bucket {self.bucket}") from exc
        except StoreError:
            if self.describe() is None:
                raise

    def check(self, found: dict[str, Any], dim: int) -> None:
        """Check the settings of an index that exists.

        Raises:
            SettingsError: it was created with others; the message names each, and what is needed.
        """
        metadata = found.get("metadataConfiguration") or {}
        own = {
            "dimension": found.get("dimension"),
            "metric": found.get("distanceMetric"),
            "type": found.get("dataType"),
            "metadata that cannot be filtered": sorted(metadata.get("nonFilterableMetadataKeys") or []),
            "searched texts": sorted(one["metadataKey"] for one in metadata.get("textSearchConfigurations") or []),
        }
        needed = {
            "dimension": dim,
            "metric": "cosine",
            "type": "float32",
            "metadata that cannot be filtered": sorted(NON_FILTERABLE),
            "searched texts": sorted(SEARCHED_TEXTS),
        }
        wrong = [f"{name} {own[name]} instead of {needed[name]}" for name in own if own[name] != needed[name]]
        if found.get("indexMode") not in (None, "ENHANCED"):
            wrong.append(f"mode {found['indexMode']} instead of ENHANCED")
        if wrong:
            raise SettingsError(
                f"{self} was created otherwise: {'; '.join(wrong)}. Delete it with scripts/vectors delete {self.name}, "
                "and load it again"
            )

    def put(self, vectors: Sequence[dict[str, Any]], ready: Ready = lambda: None) -> None:
        """Put at most 500 vectors, as PutVectors takes them. If one is refused, those before it were put.

        `ready` is called before each try; what it raises ends the call.

        Raises:
            ReleaseError: the service refuses a vector; the message names its item, its sizes and the limits.
            StoreError: the service does not answer.
        """
        try:
            self._call("put_vectors", "PutVectors", ready, vectors=vectors)
        except RefusedRequestError as exc:
            if len(vectors) == 1:
                raise ReleaseError(self._refusal(vectors[0], exc)) from exc
            half = len(vectors) // 2  # what is refused is looked for
            self.put(vectors[:half], ready)
            self.put(vectors[half:], ready)

    def delete(self, keys: Sequence[str], ready: Ready = lambda: None) -> None:
        """Delete at most 500 vectors. Keys that it lacks are no error. `ready`: as for `put`."""
        self._call("delete_vectors", "DeleteVectors", ready, keys=list(keys))

    def get(self, keys: Sequence[str]) -> dict[str, dict[str, Any]]:
        """At most 100 vectors with data and metadata, by key. Those that it lacks are left out."""
        answer = self._call("get_vectors", "GetVectors", keys=list(keys), returnData=True, returnMetadata=True)
        return {found["key"]: found for found in answer["vectors"]}

    def pages(self, segment: int = 0, segments: int = 1) -> Iterator[list[str]]:
        """All keys of a segment of the index, in pages."""
        token: dict[str, str] = {}
        while True:
            answer = self._call(
                "list_vectors",
                "ListVectors",
                maxResults=MOST_LISTED,
                segmentCount=segments,
                segmentIndex=segment,
                **token,
            )
            yield [found["key"] for found in answer["vectors"]]
            if not answer.get("nextToken"):
                return
            token = {"nextToken": answer["nextToken"]}

    def drop(self) -> None:
        """Delete the index with all its vectors."""
        self._call("delete_index", "DeleteIndex")

    def _refusal(self, vector: dict[str, Any], error: Exception) -> str:
        filtered, whole = sizes_of(vector["metadata"])
        return (
            f"{self} cannot hold item {vector['key'][:80]!r}, so nothing after it was sent. It has {filtered:,} bytes "
            f"of filterable metadata (limit {MOST_FILTERABLE_BYTES:,}), {whole:,} of metadata (limit "
            f"{MOST_METADATA_BYTES:,}) and a key of {len(vector['key']):,} characters (limit "
            f"{MOST_KEY_CHARACTERS:,}). Shorten its texts, or remove it, and try again. {error}"
        )

    def _call(self, method: str, action: str, ready: Ready = lambda: None, /, **arguments: Any) -> dict[str, Any]:
        names = {"vectorBucketName": self.bucket, "indexName": self.name}
        return self.retries.call(getattr(self.client, method), action, ready, **names, **arguments)


def indexes(client: Any, bucket: str) -> list[str]:
    """The names of the indexes in a vector bucket that hold catalogues."""
    names: list[str] = []
    token: dict[str, str] = {}
    while True:
        answer = Retries().call(client.list_indexes, "ListIndexes", vectorBucketName=bucket, prefix=_PREFIX, **token)
        names += [found["indexName"] for found in answer["indexes"]]
        if not answer.get("nextToken"):
            return sorted(names)
        token = {"nextToken": answer["nextToken"]}
