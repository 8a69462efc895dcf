"""The backend of the extended service: vector buckets, indexes and vectors."""

import threading
import time
from datetime import UTC, datetime
from typing import Any

import numpy as np
from moto.core.base_backend import BackendDict
from moto.s3vectors.models import Index, S3VectorsBackend, VectorBucket
from moto.utilities.utils import PARTITION_NAMES

from tests.s3vectors.exceptions import AccessDenied, Conflict, TooManyRequests, ValidationError
from tests.s3vectors.limits import MOST_PAGE_BYTES, check_metadata, check_vector
from tests.s3vectors.paging import Pages
from tests.s3vectors.querying import Queried, Result, TextSearch
from tests.s3vectors.rates import Rate
from tests.s3vectors.table import VectorTable

# A bucket of this day or later has no CLASSIC indexes by default, and an index of it cannot become one.
ENHANCED_SINCE = datetime(2026, 9, 30, tzinfo=UTC)
MOST_LISTED_BY_DEFAULT = 500


class ExtendedIndex(Index):
    """An index with its vectors, its mode and its text searches."""

    def __init__(self, bucket: VectorBucket, name: str, settings: dict[str, Any], building: int = 0) -> None:
        super().__init__(bucket, name, settings["dimension"], settings["dataType"], settings["distanceMetric"])
        metadata = settings.get("metadataConfiguration") or {}
        self.creation_time = datetime.now(UTC)
        self.mode = str(bucket.default_index_mode)  # type: ignore[attr-defined]
        self.encryption = settings.get("encryptionConfiguration") or bucket.encryption_configuration
        self.non_filterable: list[str] = metadata.get("nonFilterableMetadataKeys") or []
        self.searches: dict[str, TextSearch] = {}
        if len(set(self.non_filterable)) < len(self.non_filterable):
            raise ValidationError("nonFilterableMetadataKeys must be distinct")
        self.table = VectorTable(self.dimension, frozenset(self.non_filterable))
        # Each with whether it is of vectors, not of requests.
        self.rates: list[tuple[Rate, bool]] = []
        self.add_searches(metadata.get("textSearchConfigurations") or [], building)

    def add_searches(self, configurations: list[dict[str, str]], building: int) -> None:
        """Make metadata keys searchable.

        Raises:
            ValidationError: the index is not ENHANCED, a key comes twice or has a search, or there would be too many.
        """
        keys = [configuration["metadataKey"] for configuration in configurations]
        if keys and self.mode != "ENHANCED":
            raise ValidationError("Text search requires a vector index in ENHANCED mode")
        if len(set(keys)) < len(keys) or set(keys) & self.searches.keys():
            raise ValidationError("Each text search configuration must have a metadata key of its own")
        if len(self.searches) + len(keys) > 10:
            raise ValidationError("A vector index has at most 10 text search configurations")
        for configuration in configurations:
            self.searches[configuration["metadataKey"]] = TextSearch(configuration.get("language"), building)

    def delete_searches(self, keys: list[str]) -> None:
        """Make metadata keys no longer searchable.

        Raises:
            ValidationError: a key has no search.
        """
        if unknown := sorted(set(keys) - self.searches.keys()):
            raise ValidationError(f"No text search configuration for metadata key '{unknown[0]}'")
        for key in keys:
            del self.searches[key]

    def query(self, request: dict[str, Any]) -> list[Result]:
        """All results of a query."""
        non_filterable = frozenset(self.non_filterable)
        index = Queried(self.table, self.dimension, self.distance_metric, self.mode, non_filterable, self.searches)
        return index.results(request)


class ExtendedS3VectorsBackend(S3VectorsBackend):
    """moto's backend with what it lacks. What tests set or read:

    Attributes:
        pages: the sizes of the pages of queries; how long tokens are valid; makes them expire.
        denied: actions that the caller may not carry out, such as `s3vectors:GetVectors`.
        building: how many GetIndex calls find a text search that is made from now on in the state BUILDING.
        vectors_a_second, writes_a_second: limits of an index made from now on; None does not limit.
        vectors_put, vectors_deleted: how many were sent to be put and deleted.
    """

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.lock = threading.RLock()
        self.clock = time.monotonic
        self.pages = Pages(sizes=(100,), seconds=300, clock=lambda: self.clock())
        self.denied: set[str] = set()
        self.building = 0
        self.vectors_a_second: float | None = None
        self.writes_a_second: float | None = None
        self.vectors_put = self.vectors_deleted = 0

    def check_allowed(self, action: str, resource: str) -> None:
        """Refuse an action that is denied.

        Raises:
            AccessDenied: it is.
        """
        if action in self.denied:
            raise AccessDenied(action, resource)

    def index_of(self, request: dict[str, Any]) -> ExtendedIndex:
        """The index that a request names."""
        index = self.get_index(
            request.get("vectorBucketName"),  # type: ignore[arg-type]
            request.get("indexName"),  # type: ignore[arg-type]
            request.get("indexArn"),  # type: ignore[arg-type]
        )
        assert isinstance(index, ExtendedIndex)
        return index

    def bucket_of(self, request: dict[str, Any]) -> VectorBucket:
        """The vector bucket that a request names."""
        return self.get_vector_bucket(request.get("vectorBucketName"), request.get("vectorBucketArn"))

    def create_bucket(self, region: str, request: dict[str, Any]) -> VectorBucket:
        """Make a vector bucket, whose indexes are ENHANCED by default."""
        name, encryption = request["vectorBucketName"], request.get("encryptionConfiguration")
        self.create_vector_bucket(region, name, encryption, request.get("tags"))  # type: ignore[arg-type]
        bucket = self.get_vector_bucket(name)
        bucket.creation_time = datetime.now(UTC)  # type: ignore[attr-defined]
        bucket.default_index_mode = "ENHANCED"  # type: ignore[attr-defined]
        return bucket

    def make_index(self, request: dict[str, Any]) -> ExtendedIndex:
        """Make an index.

        Raises:
            Conflict: the bucket has one of that name.
        """
        bucket, name = self.bucket_of(request), request["indexName"]
        if any(index.index_name == name for index in bucket.indexes.values()):
            raise Conflict("An index with the specified name already exists")
        index = ExtendedIndex(bucket, name, request, self.building)
        limits = ((self.vectors_a_second, True), (self.writes_a_second, False))
        index.rates = [
            (Rate(limit, lambda: self.clock()), of_vectors) for limit, of_vectors in limits if limit is not None
        ]
        bucket.indexes[index.index_arn] = index
        if request.get("tags"):
            self.tag_resource(index.index_arn, request["tags"])
        return index

    def set_mode(self, request: dict[str, Any]) -> None:
        """Change the mode of an index.

        Raises:
            ValidationError: to CLASSIC, in a bucket that is too young for it.
        """
        index = self.index_of(request)
        if request["indexMode"] == "CLASSIC":
            if index._bucket.creation_time >= ENHANCED_SINCE:  # type: ignore[attr-defined]
                raise ValidationError("indexMode CLASSIC requires a vector bucket created before September 30, 2026")
            if index.searches:
                raise ValidationError("An index with text search configurations must be in ENHANCED mode")
        index.mode = request["indexMode"]

    def put(self, request: dict[str, Any]) -> None:
        """Store vectors: all of a request, or none."""
        index, vectors = self.index_of(request), request["vectors"]
        non_filterable = frozenset(index.non_filterable)
        rows = []
        for vector in vectors:
            name = f"record for key '{vector['key']}'"
            rows.append(check_vector(vector["data"]["float32"], index.dimension, index.distance_metric, name))
            check_metadata(vector["key"], vector.get("metadata") or {}, non_filterable)
        self._take(index, len(vectors))
        self.vectors_put += len(vectors)
        metadata = [vector.get("metadata") or {} for vector in vectors]
        index.table.put([vector["key"] for vector in vectors], np.array(rows), metadata)

    def delete(self, request: dict[str, Any]) -> None:
        """Delete the vectors of those keys that exist."""
        index = self.index_of(request)
        self._take(index, len(request["keys"]))
        self.vectors_deleted += len(request["keys"])
        index.table.delete(request["keys"])

    def list_page(self, request: dict[str, Any]) -> tuple[ExtendedIndex, list[int], str | None]:
        """The index, the slots of a page of ListVectors, and the token of the next page."""
        index = self.index_of(request)
        table = index.table
        count, number = request.get("segmentCount", 1), request.get("segmentIndex", 0)
        if ("segmentCount" in request) != ("segmentIndex" in request) or number >= count:
            raise ValidationError("Must specify both segmentCount and segmentIndex, which must be less")
        first = self.pages.state(request) or 0
        most, size = request.get("maxResults", MOST_LISTED_BY_DEFAULT), 0
        page: list[int] = []
        for slot in table.segment(number, count, first):
            size += table.size(slot)
            if page and (len(page) == most or size > MOST_PAGE_BYTES):
                return index, page, self.pages.token(request, slot)
            page.append(slot)
        return index, page, None

    def query_page(self, request: dict[str, Any]) -> tuple[ExtendedIndex, list[Result], str | None]:
        """The index, a page of the results of a query, and the token of the next page."""
        index = self.index_of(request)
        left = self.pages.state(request)
        left = index.query(request) if left is None else left
        size = self.pages.size()
        token = self.pages.token(request, left[size:]) if left[size:] else None
        return index, left[:size], token

    def _take(self, index: ExtendedIndex, vectors: int) -> None:
        if not all(rate.takes(vectors if of_vectors else 1) for rate, of_vectors in index.rates):
            raise TooManyRequests


s3vectors_backends = BackendDict(
    ExtendedS3VectorsBackend, "s3vectors", use_boto3_regions=False, additional_regions=PARTITION_NAMES
)
