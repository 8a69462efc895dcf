"""PutVectors, GetVectors, DeleteVectors and ListVectors of the extended backend, with the limits of the service."""

import numpy as np
import pytest
from botocore.exceptions import ClientError


def vectors(count, metadata=lambda number: {"row": number}):
    """Vectors that differ, with the keys k0, k1, ..."""
    return [
        {"key": f"k{number}", "data": {"float32": [1.0, number, 0.25, -number / 3]}, "metadata": metadata(number)}
        for number in range(count)
    ]


def listed(client, names, **options):
    """The keys of all pages of ListVectors."""
    keys = []
    while True:
        page = client.list_vectors(**names, **options)
        keys += [vector["key"] for vector in page["vectors"]]
        if "nextToken" not in page:
            return keys
        options["nextToken"] = page["nextToken"]


def refused(call, **parameters):
    """The message with which a call is refused as not valid."""
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    return caught.value.response["Error"]["Message"]


def test_vectors_come_back_as_float32_with_their_metadata(client, names):
    client.put_vectors(**names, vectors=vectors(3))
    got = client.get_vectors(**names, keys=["k2", "none", "k1"], returnData=True, returnMetadata=True)["vectors"]
    assert [vector["key"] for vector in got] == ["k2", "k1"]
    sent = np.array([1.0, 2, 0.25, -2 / 3], np.float32)
    assert np.array_equal(np.array(got[0]["data"]["float32"], np.float32), sent)
    assert got[0]["metadata"] == {"row": 2}


def test_data_and_metadata_come_only_when_asked_for(client, names):
    client.put_vectors(**names, vectors=vectors(1))
    assert client.get_vectors(**names, keys=["k0"])["vectors"] == [{"key": "k0"}]
    assert client.list_vectors(**names)["vectors"] == [{"key": "k0"}]


def test_a_vector_that_is_put_again_replaces_all_of_the_first(client, names):
    client.put_vectors(**names, vectors=vectors(2, lambda number: {"row": number, "category": "shoes"}))
    client.put_vectors(**names, vectors=[{"key": "k1", "data": {"float32": [0.0, 0.0, 0.0, 5.0]}}])
    (got,) = client.get_vectors(**names, keys=["k1"], returnData=True, returnMetadata=True)["vectors"]
    assert got["data"]["float32"] == [0.0, 0.0, 0.0, 5.0]
    assert got["metadata"] == {}
    query = {"queryVector": {"float32": [0.0, 0.0, 0.0, 1.0]}, "filter": {"category": "shoes"}}
    assert [found["key"] for found in client.query_vectors(**names, topK=5, **query)["vectors"]] == ["k0"]


def test_deleted_vectors_are_gone_and_deleting_again_is_no_error(client, names):
    client.put_vectors(**names, vectors=vectors(5))
    for _ in range(2):
        client.delete_vectors(**names, keys=["k1", "k4", "never"])
    assert sorted(listed(client, names)) == ["k0", "k2", "k3"]
    assert client.get_vectors(**names, keys=["k1"])["vectors"] == []
    client.put_vectors(**names, vectors=vectors(7)[5:])
    assert sorted(listed(client, names)) == ["k0", "k2", "k3", "k5", "k6"]


def test_pages_of_a_listing_have_every_key_once(client, names):
    client.put_vectors(**names, vectors=vectors(47))
    assert sorted(listed(client, names, maxResults=5)) == sorted(f"k{number}" for number in range(47))


def test_segments_of_a_listing_have_every_key_once(client, names):
    client.put_vectors(**names, vectors=vectors(60))
    parts = [listed(client, names, maxResults=7, segmentCount=4, segmentIndex=number) for number in range(4)]
    assert all(parts)
    assert sorted(key for part in parts for key in part) == sorted(f"k{number}" for number in range(60))


def test_a_page_of_a_listing_ends_at_a_mebibyte(client, names):
    client.put_vectors(**names, vectors=vectors(60, lambda number: {"secret": "x" * 30_000}))
    page = client.list_vectors(**names, maxResults=1000)
    assert len(page["vectors"]) == 34
    assert len(listed(client, names)) == 60


def test_a_token_of_a_listing_belongs_to_its_request(client, names):
    client.put_vectors(**names, vectors=vectors(20))
    token = client.list_vectors(**names, maxResults=5)["nextToken"]
    assert "does not belong" in refused(client.list_vectors, **names, maxResults=6, nextToken=token)
    assert "invalid or has expired" in refused(client.list_vectors, **names, maxResults=5, nextToken="made up")


@pytest.mark.parametrize(
    ("call", "members"),
    [
        ("put_vectors", {"vectors": vectors(501)}),
        ("get_vectors", {"keys": [f"k{number}" for number in range(101)]}),
        ("delete_vectors", {"keys": [f"k{number}" for number in range(501)]}),
        ("list_vectors", {"maxResults": 1001}),
        ("put_vectors", {"vectors": [{**vectors(1)[0], "key": "k" * 1025}]}),
        ("query_vectors", {"topK": 10_001, "queryVector": {"float32": [1.0, 0, 0, 0]}}),
        ("list_vectors", {"segmentCount": 2, "segmentIndex": 2}),
        ("list_vectors", {"segmentCount": 2}),
    ],
)
def test_more_than_a_limit_is_refused(client, names, call, members):
    assert refused(getattr(client, call), **names, **members)


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ([1.0, 2.0], "must have length 4"),
        ([0.0] * 4, "zero vector"),
        ([1e39, 0.0, 0.0, 0.0], "finite"),
        ([float("nan"), 1.0, 1.0, 1.0], "finite"),
        ([float("inf"), 1.0, 1.0, 1.0], "finite"),
    ],
)
def test_vectors_that_have_no_cosine_are_refused_with_all_of_the_request(client, names, numbers, message):
    both = [*vectors(1), {"key": "bad", "data": {"float32": numbers}}]
    assert message in refused(client.put_vectors, **names, vectors=both)
    assert message in refused(client.query_vectors, **names, topK=1, queryVector={"float32": numbers})
    assert listed(client, names) == []


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"category": "x" * 2041}, "Filterable metadata must have at most 2048 bytes, has 2049"),
        ({"secret": "x" * 40_960}, "Metadata must have at most 40960 bytes"),
        ({f"key{number}": 1 for number in range(51)}, "51 metadata keys"),
        ({"price": None}, "must be a string, number, boolean or list"),
        ({"size": {"width": 3}}, "must be a string, number, boolean or list"),
        ({"sizes": [[1], [2]]}, "must be a string, number, boolean or list"),
    ],
)
def test_metadata_beyond_the_limits_are_refused(client, names, metadata, message):
    assert message in refused(client.put_vectors, **names, vectors=vectors(1, lambda number: metadata))


def test_metadata_at_the_limits_are_taken(client, names):
    most = {"category": "x" * 2040, "secret": "y" * (40_960 - 2048 - 6)}
    client.put_vectors(**names, vectors=vectors(1, lambda number: most))
    (got,) = client.get_vectors(**names, keys=["k0"], returnMetadata=True)["vectors"]
    assert got["metadata"] == most


def test_a_request_above_twenty_mebibytes_is_refused(client, names):
    large = vectors(1, lambda number: {"secret": "x" * 21 * 2**20})
    assert "more than 20971520" in refused(client.put_vectors, **names, vectors=large)


def test_writes_are_limited_by_the_second(client, s3vectors, names):
    now = 0.0
    s3vectors.backend.clock = lambda: now
    s3vectors.backend.vectors_a_second = 100
    client.create_index(**names | {"indexName": "limited"}, dataType="float32", dimension=4, distanceMetric="cosine")
    limited = names | {"indexName": "limited"}
    client.put_vectors(**limited, vectors=vectors(80))
    with pytest.raises(client.exceptions.TooManyRequestsException):
        client.delete_vectors(**limited, keys=[f"k{number}" for number in range(30)])
    assert len(listed(client, limited)) == 80
    now = 0.2
    client.delete_vectors(**limited, keys=[f"k{number}" for number in range(30)])
    assert len(listed(client, limited)) == 50
