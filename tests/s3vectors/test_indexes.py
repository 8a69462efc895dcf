"""Vector buckets and indexes of the extended backend, and the checks of every request with botocore's model."""

import json

import pytest
import requests
from botocore.exceptions import ClientError
from botocore.session import get_session

from tests.s3vectors.server import VECTOR_BUCKET
from tests.s3vectors.test_vectors import refused, vectors
from tests.s3vectors.urls import url_paths

BUCKET = {"vectorBucketName": VECTOR_BUCKET}
SHAPE = {"dataType": "float32", "dimension": 4, "distanceMetric": "cosine"}


def posted(s3vectors, operation, body):
    """The status and the error of a request that no client of boto3 would send."""
    scope = "Credential=testing/20261126/us-east-1/s3vectors/aws4_request"
    answer = requests.post(
        f"{s3vectors.url}/{operation}",
        data=body if isinstance(body, bytes) else json.dumps(body),
        headers={"Authorization": f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0"},
        timeout=10,
    )
    return answer.status_code, answer.headers.get("x-amzn-errortype"), answer.json().get("message")


def test_every_operation_of_the_model_has_a_path():
    model = get_session().get_service_model("s3vectors")
    paths = {f"{{0}}{model.operation_model(name).http['requestUri']}" for name in model.operation_names}
    known = {path.removesuffix("$") for path in url_paths}
    assert {path for path in paths if "tags" not in path} <= known


def test_an_index_has_what_it_was_made_with(client, names):
    made = {"nonFilterableMetadataKeys": ["title"], "textSearchConfigurations": [{"metadataKey": "title"}]}
    arn = client.create_index(**names | {"indexName": "other"}, **SHAPE, metadataConfiguration=made)["indexArn"]
    index = client.get_index(indexArn=arn)["index"]
    assert {name: index[name] for name in SHAPE} == SHAPE
    assert (index["indexName"], index["vectorBucketName"], index["indexMode"]) == ("other", VECTOR_BUCKET, "ENHANCED")
    assert index["metadataConfiguration"] == {
        "nonFilterableMetadataKeys": ["title"],
        "textSearchConfigurations": [{"metadataKey": "title", "status": "ACTIVE"}],
    }
    with pytest.raises(client.exceptions.ConflictException):
        client.create_index(**names, **SHAPE)


def test_an_index_of_the_largest_dimension_can_be_made(client, names):
    client.create_index(**names | {"indexName": "wide"}, **SHAPE | {"dimension": 4096})
    with pytest.raises(ClientError, match="between 1 and 4096"):
        client.create_index(**names | {"indexName": "wider"}, **SHAPE | {"dimension": 4097})


@pytest.mark.parametrize(
    "change",
    [
        {"indexName": "Upper"},
        {"indexName": "under_score"},
        {"distanceMetric": "dotproduct"},
        {"dataType": "float16"},
        {"indexName": "x" * 64},
        {"metadataConfiguration": {"nonFilterableMetadataKeys": [f"k{number}" for number in range(11)]}},
        {"metadataConfiguration": {"nonFilterableMetadataKeys": ["k", "k"]}},
        {"metadataConfiguration": {"nonFilterableMetadataKeys": ["k" * 64]}},
    ],
    ids=str,
)
def test_an_index_that_the_service_would_refuse_is_refused(client, s3vectors, change):
    assert refused(client.create_index, **{**BUCKET, "indexName": "photos", **SHAPE, **change})
    assert client.list_indexes(**BUCKET)["indexes"] == []


def test_a_deleted_index_is_gone_with_its_vectors(client, names):
    client.put_vectors(**names, vectors=vectors(3))
    client.delete_index(**names)
    with pytest.raises(client.exceptions.NotFoundException):
        client.list_vectors(**names)
    client.create_index(**names, **SHAPE)
    assert client.list_vectors(**names)["vectors"] == []


def test_indexes_and_buckets_are_listed_in_pages_and_by_prefix(client, s3vectors):
    for number in range(5):
        client.create_index(**BUCKET, indexName=f"items-{number}", **SHAPE)
        client.create_vector_bucket(vectorBucketName=f"bucket-{number}")
    client.create_index(**BUCKET, indexName="other", **SHAPE)
    pages = client.get_paginator("list_indexes").paginate(**BUCKET, prefix="items-", PaginationConfig={"PageSize": 2})
    found = [[index["indexName"] for index in page["indexes"]] for page in pages]
    assert found == [["items-0", "items-1"], ["items-2", "items-3"], ["items-4"]]
    buckets = client.list_vector_buckets(prefix="bucket-")["vectorBuckets"]
    assert [bucket["vectorBucketName"] for bucket in buckets] == [f"bucket-{number}" for number in range(5)]
    client.delete_vector_bucket(vectorBucketArn=buckets[0]["vectorBucketArn"])
    with pytest.raises(client.exceptions.ConflictException):
        client.delete_vector_bucket(**BUCKET)
    assert len(client.list_vector_buckets(prefix="bucket-")["vectorBuckets"]) == 4


def test_tags_are_kept_with_an_index(client, names):
    arn = client.create_index(**names | {"indexName": "tagged"}, **SHAPE, tags={"stage": "test"})["indexArn"]
    client.tag_resource(resourceArn=arn, tags={"owner": "a b"})
    client.untag_resource(resourceArn=arn, tagKeys=["stage"])
    assert client.list_tags_for_resource(resourceArn=arn)["tags"] == {"owner": "a b"}


@pytest.mark.parametrize(
    ("operation", "change", "message"),
    [
        ("QueryVectors", {"topK": "5"}, "'/topK' must be a number"),
        ("QueryVectors", {"topK": 5.5}, "'/topK' must be a number"),
        ("QueryVectors", {"topK": True}, "'/topK' must be a number"),
        ("QueryVectors", {"topK": 0}, "Value 0 at '/topK'"),
        ("QueryVectors", {"topK": None}, "null at '/topK'"),
        ("QueryVectors", {"includeVectors": True}, "Unknown member '/includeVectors'"),
        ("QueryVectors", {"queryVector": [1.0, 2.0]}, "'/queryVector' must be an object"),
        ("QueryVectors", {"queryVector": {"float64": [1.0]}}, "Unknown member '/queryVector/float64'"),
        ("QueryVectors", {"queryVector": {}}, "exactly one member"),
        ("QueryVectors", {"queryVector": {"float32": [1.0, "2"]}}, "'/queryVector/float32/1' must be a number"),
        ("QueryVectors", {"returnMetadata": "true"}, "'/returnMetadata' must be a boolean"),
        ("QueryVectors", {"queryMode": "FAST"}, "enum value set"),
        ("QueryVectors", {"filter": "x"}, "'/filter' must be an object"),
        ("QueryVectors", {"indexArn": "arn:aws:s3:::x"}, "pattern"),
        ("GetVectors", {"keys": []}, "Value 0 at '/keys'"),
        ("GetVectors", {"keys": "k1"}, "'/keys' must be a list"),
        ("PutVectors", {"vectors": [{"data": {"float32": [1.0]}}]}, "null at '/vectors/0/key'"),
        ("PutVectors", {"vectors": [{"key": 5, "data": {"float32": [1.0]}}]}, "'/vectors/0/key' must be a string"),
        ("DeleteVectors", {}, "null at '/keys'"),
    ],
)
def test_requests_are_checked_with_the_model(s3vectors, names, operation, change, message):
    query = {"topK": 1, "queryVector": {"float32": [1.0, 0.0, 0.0, 0.0]}} if operation == "QueryVectors" else {}
    status, code, found = posted(s3vectors, operation, {**names, **query, **change})
    assert (status, code) == (400, "ValidationException")
    assert message in found


def test_bodies_that_are_no_object_are_refused(s3vectors, names):
    for body in (b"{", b"[]", b"\xff"):
        assert posted(s3vectors, "GetIndex", body)[:2] == (400, "ValidationException")


def test_operations_that_do_not_exist_are_refused(s3vectors):
    for operation in ("SearchVectors", "QueryVectors/more"):
        assert posted(s3vectors, operation, {})[1] == "UnknownOperationException"
