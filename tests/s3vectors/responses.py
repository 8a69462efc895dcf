"""Requests of the extended service: checked with botocore's model, carried out, answered."""

import json
from typing import Any

from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult, EmptyResult
from moto.core.utils import get_service_model
from moto.s3vectors.exceptions import VectorBucketInvalidChars
from moto.s3vectors.models import VectorBucket
from moto.s3vectors.responses import S3VectorsResponse
from moto.utilities.utils import get_partition

from tests.s3vectors.exceptions import ValidationError
from tests.s3vectors.limits import MOST_PAYLOAD
from tests.s3vectors.models import ExtendedIndex, ExtendedS3VectorsBackend, s3vectors_backends
from tests.s3vectors.validation import check_parameters

_NAME_CHARACTERS = set("abcdefghijklmnopqrstuvwxyz0123456789-.")
_MOST_LISTED = 500


class ExtendedS3VectorsResponse(S3VectorsResponse):
    """Handles a request."""

    # Of megabytes: moto would decode it and look for a form in it.
    use_raw_body = True

    @property
    def s3vectors_backend(self) -> ExtendedS3VectorsBackend:
        """The backend of the caller's account."""
        return s3vectors_backends[self.current_account][get_partition(self.region)]

    def parse_parameters(self, request: Any) -> None:
        """Read the parameters; `call_action` answers a problem that is found here."""
        self._problem: ServiceException | None = None
        operation = get_service_model("s3vectors").operation_model(self._get_action())
        self.params: Any = {}
        try:
            self._check_payload()
            if request.method == "DELETE":
                super().parse_parameters(request)
            given = {**self.params, **self._body_members(), **self.uri_match}
            check_parameters(operation.input_shape, given)
            self.params = given
            self._check_names()
        except ServiceException as exc:
            self._problem = exc

    def call_action(self) -> Any:
        """Answer the request: errors of checking first, then those of carrying it out."""
        action = self._get_action()
        if action is None:
            # No error of the model: it is known to the service's front alone.
            return 404, {"x-amzn-ErrorType": "UnknownOperationException"}, json.dumps({"message": "unknown operation"})
        backend = self.s3vectors_backend
        try:
            if self._problem is not None:
                raise self._problem
            backend.check_allowed(f"s3vectors:{action}", self._resource())
            if self.params.get("tags"):
                backend.check_allowed("s3vectors:TagResource", self._resource())
        except ServiceException as exc:
            status, headers, body = self.serialized(ActionResult(exc))
            return self._transform_response({}, (body, {**headers, "status": status}))
        with backend.lock:
            return super().call_action()

    def create_vector_bucket(self) -> ActionResult:
        """CreateVectorBucket."""
        if set(self.params["vectorBucketName"]) - _NAME_CHARACTERS:
            raise VectorBucketInvalidChars
        bucket = self.s3vectors_backend.create_bucket(self.region, self.params)
        return ActionResult({"vectorBucketArn": bucket.vector_bucket_arn})

    def get_vector_bucket(self) -> ActionResult:
        """GetVectorBucket."""
        bucket = self.s3vectors_backend.bucket_of(self.params)
        more = {
            "encryptionConfiguration": bucket.encryption_configuration,
            "defaultIndexMode": bucket.default_index_mode,  # type: ignore[attr-defined]
        }
        return ActionResult({"vectorBucket": _summary(bucket) | more})

    def list_vector_buckets(self) -> ActionResult:
        """ListVectorBuckets."""
        return self._listed("vectorBuckets", self.s3vectors_backend.list_vector_buckets(self.params.get("prefix")))

    def delete_vector_bucket(self) -> EmptyResult:
        """DeleteVectorBucket."""
        self.s3vectors_backend.delete_vector_bucket(self.s3vectors_backend.bucket_of(self.params).vector_bucket_name)
        return EmptyResult()

    def put_vector_bucket_default_index_mode(self) -> EmptyResult:
        """PutVectorBucketDefaultIndexMode."""
        bucket = self.s3vectors_backend.bucket_of(self.params)
        bucket.default_index_mode = self.params["defaultIndexMode"]  # type: ignore[attr-defined]
        return EmptyResult()

    def create_index(self) -> ActionResult:
        """CreateIndex."""
        if set(self.params["indexName"]) - _NAME_CHARACTERS:
            raise ValidationError("Invalid index name")
        return ActionResult({"indexArn": self.s3vectors_backend.make_index(self.params).index_arn})

    def get_index(self) -> ActionResult:
        """GetIndex."""
        index = self.s3vectors_backend.index_of(self.params)
        searches = []
        for key, search in index.searches.items():
            search.building = max(0, search.building - 1) if (building := search.building > 0) else 0
            language = {"language": search.language} if search.language else {}
            searches.append({"metadataKey": key, "status": "BUILDING" if building else "ACTIVE", **language})
        more = {
            "dataType": index.data_type,
            "dimension": index.dimension,
            "distanceMetric": index.distance_metric,
            "encryptionConfiguration": index.encryption,
            "indexMode": index.mode,
        }
        configured = {"nonFilterableMetadataKeys": index.non_filterable, "textSearchConfigurations": searches}
        if any(configured.values()):
            more["metadataConfiguration"] = {name: value for name, value in configured.items() if value}
        return ActionResult({"index": _summary(index) | more})

    def list_indexes(self) -> ActionResult:
        """ListIndexes."""
        prefix = self.params.get("prefix", "")
        indexes = self.s3vectors_backend.bucket_of(self.params).indexes.values()
        return self._listed("indexes", [index for index in indexes if index.index_name.startswith(prefix)])

    def update_index_mode(self) -> EmptyResult:
        """UpdateIndexMode."""
        self.s3vectors_backend.set_mode(self.params)
        return EmptyResult()

    def update_metadata_configuration(self) -> ActionResult:
        """UpdateMetadataConfiguration."""
        index = self.s3vectors_backend.index_of(self.params)
        add, delete = self.params.get("add"), self.params.get("delete")
        if (add is None) == (delete is None):
            raise ValidationError("Must specify either add or delete, but not both")
        changes = (add or delete).get("textSearchConfigurations") or []
        if add is not None:
            index.add_searches(changes, self.s3vectors_backend.building)
        else:
            index.delete_searches([change["metadataKey"] for change in changes])
        return ActionResult({"indexArn": index.index_arn})

    def put_vectors(self) -> EmptyResult:
        """PutVectors."""
        self.s3vectors_backend.put(self.params)
        return EmptyResult()

    def get_vectors(self) -> ActionResult:
        """GetVectors."""
        index = self.s3vectors_backend.index_of(self.params)
        keys = dict.fromkeys(self.params["keys"])
        return ActionResult(
            {"vectors": [self._vector(index, index.table.slots[key]) for key in keys if key in index.table.slots]}
        )

    def list_vectors(self) -> ActionResult:
        """ListVectors."""
        if self.params.get("returnData") or self.params.get("returnMetadata"):
            self.s3vectors_backend.check_allowed("s3vectors:GetVectors", self._resource())
        index, slots, token = self.s3vectors_backend.list_page(self.params)
        return ActionResult({"vectors": [self._vector(index, slot) for slot in slots], **_token(token)})

    def delete_vectors(self) -> EmptyResult:
        """DeleteVectors."""
        self.s3vectors_backend.delete(self.params)
        return EmptyResult()

    def query_vectors(self) -> ActionResult:
        """QueryVectors."""
        given = self.params
        if given.get("filter") is not None or given.get("returnMetadata") or given.get("queryTexts"):
            self.s3vectors_backend.check_allowed("s3vectors:GetVectors", self._resource())
        index, results, token = self.s3vectors_backend.query_page(given)
        vectors = []
        for result in results:
            # One that was deleted since the first page is left out.
            if (slot := index.table.slots.get(result.key)) is not None:
                vectors.append(
                    {"key": result.key}
                    | ({"metadata": index.table.metadata(slot)} if given.get("returnMetadata") else {})
                    | (
                        {"distance": result.distance}
                        if given.get("returnDistance") and result.distance is not None
                        else {}
                    )
                    | ({"scores": result.scores} if given.get("returnScores") and result.scores else {})
                )
        return ActionResult({"vectors": vectors, "distanceMetric": index.distance_metric, **_token(token)})

    def _vector(self, index: ExtendedIndex, slot: int) -> dict[str, Any]:
        data = {"data": {"float32": index.table.vector(slot)}} if self.params.get("returnData") else {}
        metadata = {"metadata": index.table.metadata(slot)} if self.params.get("returnMetadata") else {}
        return {"key": index.table.keys[slot], **data, **metadata}

    def _listed(self, name: str, found: list[Any]) -> ActionResult:
        first = self.s3vectors_backend.pages.state(self.params) or 0
        end = first + self.params.get("maxResults", _MOST_LISTED)
        token = self.s3vectors_backend.pages.token(self.params, end) if end < len(found) else None
        return ActionResult({name: [_summary(one) for one in found[first:end]], **_token(token)})

    def _check_payload(self) -> None:
        if len(self.body or b"") > MOST_PAYLOAD:
            raise ValidationError(f"The request has {len(self.body)} bytes, more than {MOST_PAYLOAD}")

    def _body_members(self) -> dict[str, Any]:
        try:
            given = json.loads(self.body or b"{}")
        except ValueError as exc:
            raise ValidationError(f"The request is not valid JSON: {exc}") from exc
        if not isinstance(given, dict):
            raise ValidationError("The request must be a JSON object")
        return given

    def _check_names(self) -> None:
        members = get_service_model("s3vectors").operation_model(self._get_action()).input_shape.members
        given = {name for name in self.params if self.params[name] is not None}
        if "indexArn" in members:
            self._validate_index_params(
                *(self.params.get(name) for name in ("indexArn", "indexName", "vectorBucketName"))
            )
        elif "vectorBucketArn" in members and len(given & {"vectorBucketName", "vectorBucketArn"}) != 1:
            raise ValidationError("Must specify either vectorBucketName or vectorBucketArn but not both")

    def _resource(self) -> str:
        named = [self.params.get(name) for name in ("resourceArn", "indexArn", "vectorBucketArn", "vectorBucketName")]
        return next((name for name in named if name), "*")


def _summary(one: ExtendedIndex | VectorBucket) -> dict[str, Any]:
    if isinstance(one, ExtendedIndex):
        names = {"vectorBucketName": one.vectorBucketName, "indexName": one.index_name, "indexArn": one.index_arn}
    else:
        assert isinstance(one, VectorBucket)
        names = {"vectorBucketName": one.vector_bucket_name, "vectorBucketArn": one.vector_bucket_arn}
    return {**names, "creationTime": one.creation_time}  # type: ignore[union-attr]


def _token(token: str | None) -> dict[str, str]:
    return {"nextToken": token} if token else {}
