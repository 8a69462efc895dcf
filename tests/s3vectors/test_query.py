"""QueryVectors by a vector: results, filters, pages and what is refused, against the oracle."""

import random
from typing import Any

import numpy as np
import pytest
from botocore.exceptions import ClientError

from tests.s3vectors.oracle import Stored, assert_ranked, cosine_distance, nearest
from tests.s3vectors.server import VECTOR_BUCKET
from tests.s3vectors.test_vectors import refused

COUNT = 400

FILTERS: list[dict[str, Any]] = [
    {"category": "shoes"},
    {"category": {"$eq": "bags"}},
    {"category": {"$ne": "bags"}},
    {"price": {"$gt": 50}},
    {"price": {"$gte": 50}},
    {"price": {"$lt": 50}},
    {"price": {"$lte": 50}},
    {"price": {"$gte": 20, "$lte": 30}},
    {"price": 50},
    {"price": {"$ne": 50}},
    {"category": {"$in": ["shoes", "hats"]}},
    {"category": {"$nin": ["shoes", "hats"]}},
    {"price": {"$in": [10, 20, "20"]}},
    {"price": {"$exists": True}},
    {"price": {"$exists": False}},
    {"colours": "red"},
    {"colours": {"$ne": "red"}},
    {"colours": {"$in": ["red", "green"]}},
    {"colours": {"$nin": ["red", "green"]}},
    {"colours": {"$gt": 1}},
    {"new": True},
    {"new": {"$ne": True}},
    {"new": 1},
    {"nothing": {"$exists": False}},
    {"nothing": "x"},
    {"category": {"$gt": 5}},
    {"$and": [{"category": "shoes"}, {"price": {"$gte": 30}}]},
    {"$or": [{"category": "shoes"}, {"price": {"$lt": 5}}]},
    {"category": "shoes", "price": {"$lt": 60}},
    {"$or": [{"$and": [{"new": True}, {"price": {"$exists": False}}]}, {"colours": {"$in": ["blue"]}}]},
]


@pytest.fixture(scope="module")
def stored():
    numbers, chance = np.random.default_rng(5), random.Random(5)
    made = []
    for number in range(COUNT):
        metadata = {"row": number, "category": chance.choice(["shoes", "bags", "hats", "7"])}
        if chance.random() < 0.8:
            metadata["price"] = chance.choice([chance.randrange(100), chance.random() * 100, 50])
        if chance.random() < 0.5:
            metadata["colours"] = chance.choice([["red"], ["red", "blue"], ["green", 1, True], [], "red"])
        if chance.random() < 0.5:
            metadata["new"] = chance.random() < 0.5
        vector = numbers.normal(size=8).astype(np.float32) * np.float32(10 ** chance.uniform(-3, 3))
        made.append(Stored(f"key-{number}", vector.tolist(), metadata))
    return made


@pytest.fixture
def index(client, stored):
    """A client and an index with the vectors."""
    names = {"vectorBucketName": VECTOR_BUCKET, "indexName": "queried"}
    client.create_index(
        **names,
        dataType="float32",
        dimension=8,
        distanceMetric="cosine",
        metadataConfiguration={"nonFilterableMetadataKeys": ["secret"]},
    )
    vectors = [{"key": one.key, "data": {"float32": one.vector}, "metadata": one.metadata} for one in stored]
    client.put_vectors(**names, vectors=vectors)
    return client, names


def asked(index, count, **options):
    """Key and distance of the results on all pages, and how many each page had."""
    client, names = index
    found, sizes = [], []
    request = {"topK": count, "queryVector": {"float32": QUERY}, "returnDistance": True, **options}
    while True:
        page = client.query_vectors(**names, **request)
        assert page["distanceMetric"] == "cosine"
        found += [(one["key"], one["distance"]) for one in page["vectors"]]
        sizes.append(len(page["vectors"]))
        if "nextToken" not in page:
            return found, sizes
        request["nextToken"] = page["nextToken"]


QUERY = [0.5, -1.0, 2.0, 0.25, 0.0, 1.0, -0.5, 3.0]


def test_results_are_those_of_the_oracle(index, stored):
    for count in (1, 17, 100):
        assert_ranked(asked(index, count)[0], nearest(stored, QUERY), count)


@pytest.mark.parametrize("condition", FILTERS, ids=str)
def test_filters_pass_what_the_oracle_passes(index, stored, condition):
    expected = nearest(stored, QUERY, condition)
    assert_ranked(asked(index, 12, filter=condition)[0], expected, 12)
    found, _ = asked(index, COUNT, filter=condition)
    assert {key for key, _ in found} == {key for key, _ in expected}


def test_the_filters_of_these_tests_decide_something(stored):
    shares = [len(nearest(stored, QUERY, condition)) / COUNT for condition in FILTERS]
    assert sum(0 < share < 1 for share in shares) >= len(FILTERS) - 5


@pytest.mark.parametrize("sizes", [(100,), (7,), (13, 1, 0, 29), (1000,)])
def test_pages_of_any_size_have_every_result_once(index, stored, s3vectors, sizes):
    s3vectors.backend.pages.sizes = sizes
    found, pages = asked(index, 321)
    assert_ranked(found, nearest(stored, QUERY), 321)
    assert pages[0] == min(321, sizes[0])
    assert len(pages) >= 321 / max(sizes)


def test_a_token_belongs_to_one_query_and_expires(index, s3vectors):
    client, names = index
    first = {"topK": 150, "queryVector": {"float32": QUERY}}
    now = 100.0
    s3vectors.backend.clock = lambda: now
    token = client.query_vectors(**names, **first)["nextToken"]
    for change in ({"topK": 151}, {"filter": {"category": "bags"}}, {"queryVector": {"float32": QUERY[::-1]}}):
        assert "does not belong" in refused(client.query_vectors, **names, **{**first, **change}, nextToken=token)
    now = 399.0
    assert len(client.query_vectors(**names, **first, nextToken=token)["vectors"]) == 50
    now = 400.0
    assert "expired" in refused(client.query_vectors, **names, **first, nextToken=token)


def test_only_what_is_asked_for_comes_back(index, stored):
    client, names = index
    request = {"topK": 1, "queryVector": {"float32": QUERY}}
    (key, _), *_ = nearest(stored, QUERY)
    assert client.query_vectors(**names, **request)["vectors"] == [{"key": key}]
    (found,) = client.query_vectors(**names, **request, returnMetadata=True, returnScores=True)["vectors"]
    assert found == {"key": key, "metadata": next(one.metadata for one in stored if one.key == key)}


def test_a_filter_or_metadata_need_the_right_to_get_vectors(index, s3vectors):
    client, names = index
    s3vectors.backend.denied = {"s3vectors:GetVectors"}
    request = {"topK": 1, "queryVector": {"float32": QUERY}}
    assert len(client.query_vectors(**names, **request, returnDistance=True)["vectors"]) == 1
    for option in ({"filter": {"category": "bags"}}, {"returnMetadata": True}):
        with pytest.raises(client.exceptions.AccessDeniedException, match="s3vectors:GetVectors"):
            client.query_vectors(**names, **request, **option)
    with pytest.raises(client.exceptions.AccessDeniedException, match="s3vectors:GetVectors"):
        client.list_vectors(**names, returnMetadata=True)


@pytest.mark.parametrize(
    "condition",
    [
        {},
        {"secret": "x"},
        {"$or": [{"secret": {"$exists": True}}]},
        {"$and": []},
        {"$not": {"category": "bags"}},
        {"price": {"$between": [1, 2]}},
        {"price": {"$gt": "5"}},
        {"price": {"$gt": True}},
        {"category": {"$in": []}},
        {"category": {"$in": "bags"}},
        {"category": ["bags"]},
        {"category": {}},
        {"category": {"$eq": None}},
        {"category": {"$exists": 1}},
        {"$and": [{"category": "bags"}, "price"]},
    ],
    ids=str,
)
def test_filters_that_are_none_are_refused(index, condition):
    client, names = index
    message = refused(client.query_vectors, **names, topK=1, queryVector={"float32": QUERY}, filter=condition)
    assert message.startswith("Invalid filter")


def test_a_query_needs_a_vector_or_texts_of_an_index_that_exists(index):
    client, names = index
    assert "queryVector, queryTexts or both" in refused(client.query_vectors, **names, topK=1)
    query = {"topK": 1, "queryVector": {"float32": QUERY}}
    with pytest.raises(client.exceptions.NotFoundException):
        client.query_vectors(**names | {"indexName": "other"}, **query)
    with pytest.raises(ClientError, match="Must specify either indexArn or both"):
        client.query_vectors(vectorBucketName=VECTOR_BUCKET, **query)


def test_an_index_can_be_named_by_its_arn(index):
    client, names = index
    arn = client.get_index(**names)["index"]["indexArn"]
    by_arn = client.query_vectors(indexArn=arn, topK=3, queryVector={"float32": QUERY})
    assert by_arn["vectors"] == client.query_vectors(**names, topK=3, queryVector={"float32": QUERY})["vectors"]


def test_euclidean_distances_are_those_of_the_vectors(client, s3vectors):
    names = {"vectorBucketName": VECTOR_BUCKET, "indexName": "euclidean"}
    client.create_index(**names, dataType="float32", dimension=2, distanceMetric="euclidean")
    vectors = [{"key": "zero", "data": {"float32": [0.0, 0.0]}}, {"key": "far", "data": {"float32": [3.0, 5.0]}}]
    client.put_vectors(**names, vectors=vectors)
    page = client.query_vectors(**names, topK=5, queryVector={"float32": [0.0, 1.0]}, returnDistance=True)
    assert [(one["key"], one["distance"]) for one in page["vectors"]] == [("zero", 1.0), ("far", 5.0)]
    assert page["distanceMetric"] == "euclidean"


def test_ties_come_in_an_order_that_is_not_that_of_storing(client, names):
    vectors: list[dict] = [{"key": f"k{number}", "data": {"float32": [1.0, 2.0, 0.0, 0.0]}} for number in range(40)]
    client.put_vectors(**names, vectors=vectors)
    page = client.query_vectors(**names, topK=40, queryVector={"float32": [1.0, 2.0, 0.0, 0.0]})
    found = [one["key"] for one in page["vectors"]]
    assert sorted(found) == sorted(one["key"] for one in vectors)
    assert found != [one["key"] for one in vectors]


def test_a_vector_that_is_deleted_between_two_pages_is_left_out(client, s3vectors, names):
    s3vectors.backend.pages.sizes = (2,)
    numbers = {"near": 0.0, "next": 0.1, "gone": 0.2, "last": 0.3}
    vectors = [{"key": key, "data": {"float32": [1.0, angle, 0.0, 0.0]}} for key, angle in numbers.items()]
    client.put_vectors(**names, vectors=vectors)
    request = {"topK": 4, "queryVector": {"float32": [1.0, 0.0, 0.0, 0.0]}}
    token = client.query_vectors(**names, **request)["nextToken"]
    client.delete_vectors(**names, keys=["gone"])
    rest = client.query_vectors(**names, **request, nextToken=token)["vectors"]
    assert [one["key"] for one in rest] == ["last"]


def test_the_oracle_knows_plain_angles():
    assert cosine_distance([1.0, 0.0], [0.0, 2.0]) == 1
    assert cosine_distance([1.0, 0.0], [-3.0, 0.0]) == 2
    assert cosine_distance([1.0, 1.0], [2.0, 2.0]) == pytest.approx(0, abs=1e-15)
