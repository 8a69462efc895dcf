"""An index of the extended S3 Vectors."""

from typing import Any

import pytest

from tests.s3vectors.server import VECTOR_BUCKET, S3VectorsServer


@pytest.fixture
def client(s3vectors: S3VectorsServer) -> Any:
    """A client of boto3."""
    return s3vectors.client()


@pytest.fixture
def names(client: Any) -> dict[str, str]:
    """Bucket and name of an index of four dimensions; `secret` cannot be filtered, `title` and `text` are searched."""
    names = {"vectorBucketName": VECTOR_BUCKET, "indexName": "photos"}
    client.create_index(
        **names,
        dataType="float32",
        dimension=4,
        distanceMetric="cosine",
        metadataConfiguration={
            "nonFilterableMetadataKeys": ["secret", "text"],
            "textSearchConfigurations": [{"metadataKey": "title"}, {"metadataKey": "text", "language": "en"}],
        },
    )
    return names
