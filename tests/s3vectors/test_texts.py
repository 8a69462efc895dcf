"""QueryVectors by texts and by both, and the text search configurations of an index."""

import random

import pytest

from tests.s3vectors.oracle import Stored, assert_ranked, bm25, fused, nearest
from tests.s3vectors.server import VECTOR_BUCKET
from tests.s3vectors.test_vectors import refused

WORDS = ["red", "blue", "green", "leather", "shoe", "boots", "summer", "winter", "chair", "Größe", "42"]
QUERY = [1.0, 0.5, -0.25, 2.0]


@pytest.fixture
def stored(client, names):
    chance = random.Random(3)
    made = []
    for number in range(120):
        metadata = {"row": number, "title": " ".join(chance.choices(WORDS, k=chance.randint(1, 6)))}
        if number % 3:
            metadata["text"] = ", ".join(chance.choices(WORDS, k=chance.randint(20, 90))).title()
        made.append(Stored(f"k{number}", [chance.gauss(0, 1) for _ in range(4)], metadata))
    vectors = [{"key": one.key, "data": {"float32": one.vector}, "metadata": one.metadata} for one in made]
    client.put_vectors(**names, vectors=vectors)
    return made


def scored(found):
    """The scores of results: by key, by metadata key."""
    return {
        one["key"]: {score["metadataKey"]: score["score"] for score in one["scores"]["bm25Scores"]} for one in found
    }


def test_texts_are_ranked_by_bm25(client, names, stored):
    texts = [{"metadataKey": "title", "text": "Red LEATHER größe!"}]
    found = client.query_vectors(**names, topK=100, queryTexts=texts, returnScores=True, returnDistance=True)["vectors"]
    scores = bm25(stored, "title", "red leather größe")
    assert_ranked(
        [(one["key"], -one["scores"]["bm25Scores"][0]["score"]) for one in found],
        sorted(((key, -score) for key, score in scores.items()), key=lambda pair: pair[1]),
        100,
    )
    assert not any("distance" in one or "fused" in one["scores"] for one in found)


def test_several_texts_are_ranked_by_the_sum_of_their_scores(client, names, stored):
    texts = [{"metadataKey": "title", "text": "boots"}, {"metadataKey": "text", "text": "winter 42"}]
    page = client.query_vectors(**names, topK=100, queryTexts=texts, returnScores=True)["vectors"]
    by_key = {"title": bm25(stored, "title", "boots"), "text": bm25(stored, "text", "winter 42")}
    for key, scores in scored(page).items():
        assert scores == pytest.approx({name: of[key] for name, of in by_key.items() if key in of})
    sums = [sum(scores.values()) for scores in scored(page).values()]
    assert sums == sorted(sums, reverse=True)
    expected = {key: sum(of.get(key, 0.0) for of in by_key.values()) for key in by_key["title"] | by_key["text"]}
    assert sums == pytest.approx(sorted(expected.values(), reverse=True)[:100])


def test_a_filter_holds_for_texts_and_both(client, names, stored):
    request = {"queryTexts": [{"metadataKey": "title", "text": "red"}], "filter": {"row": {"$lt": 30}}}
    page = client.query_vectors(**names, topK=50, **request)["vectors"]
    having = {one.key for one in stored[:30] if "red" in one.metadata["title"]}
    assert {one["key"] for one in page} == having
    page = client.query_vectors(**names, topK=50, **request, queryVector={"float32": QUERY})["vectors"]
    assert {one["key"] for one in page} == {one.key for one in stored[:30]}


def test_both_are_fused_by_rank(client, names, stored):
    count = 20
    texts = [{"metadataKey": "text", "text": "summer chair"}]
    request = {"topK": count, "queryTexts": texts, "queryVector": {"float32": QUERY}, "returnDistance": True}
    page = client.query_vectors(**names, **request, returnScores=True)["vectors"]
    scores = bm25(stored, "text", "summer chair")
    by_text = sorted(scores, key=lambda key: -scores[key])[:count]
    near = dict(nearest(stored, QUERY)[:count])
    expected = fused([by_text, [*near]])
    best = sorted(scores.values(), reverse=True)[: count + 1]
    assert len({round(score, 9) for score in best}) == count + 1, "the ranking by text must have no ties"
    assert [one["scores"]["fused"] for one in page] == pytest.approx(sorted(expected.values(), reverse=True)[:count])
    for one in page:
        assert one["scores"]["fused"] == pytest.approx(expected[one["key"]])
        assert ("distance" in one) == ("vectorDistance" in one["scores"]) == (one["key"] in near)
        if one["key"] in near:
            assert one["distance"] == one["scores"]["vectorDistance"] == pytest.approx(near[one["key"]], abs=2e-6)


def test_pages_of_texts_have_every_result_once(client, s3vectors, names, stored):
    s3vectors.backend.pages.sizes = (3, 5)
    request = {"topK": 40, "queryTexts": [{"metadataKey": "title", "text": "red blue green shoe"}]}
    keys: list[str] = []
    while True:
        page = client.query_vectors(**names, **request)
        keys += [one["key"] for one in page["vectors"]]
        if "nextToken" not in page:
            break
        request["nextToken"] = page["nextToken"]
    assert len(keys) == len(set(keys)) == 40


def test_texts_follow_changes(client, names, stored):
    request = {"topK": 5, "queryTexts": [{"metadataKey": "title", "text": "zebra"}]}
    assert client.query_vectors(**names, **request)["vectors"] == []
    zebra = {"key": "k7", "data": {"float32": QUERY}, "metadata": {"title": "A zebra"}}
    client.put_vectors(**names, vectors=[zebra])
    assert [one["key"] for one in client.query_vectors(**names, **request)["vectors"]] == ["k7"]
    client.delete_vectors(**names, keys=["k7"])
    assert client.query_vectors(**names, **request)["vectors"] == []


@pytest.mark.parametrize(
    "texts",
    [
        [{"metadataKey": "category", "text": "red"}],
        [{"metadataKey": "title", "text": "red"}, {"metadataKey": "title", "text": "blue"}],
        [{"metadataKey": "title", "text": "x" * 1025}],
        [{"metadataKey": "title", "text": "red"}] * 11,
    ],
)
def test_texts_that_cannot_be_searched_are_refused(client, names, stored, texts):
    assert refused(client.query_vectors, **names, topK=1, queryTexts=texts)


def test_a_search_that_is_added_is_built_first(client, s3vectors, names, stored):
    s3vectors.backend.building = 2
    added = {"textSearchConfigurations": [{"metadataKey": "category", "language": "de"}]}
    answer = client.update_metadata_configuration(**names, add=added)
    assert answer["indexArn"] == client.get_index(**names)["index"]["indexArn"]
    query = {"topK": 1, "queryTexts": [{"metadataKey": "category", "text": "red"}]}
    assert "being built" in refused(client.query_vectors, **names, **query)

    def configurations():
        return client.get_index(**names)["index"]["metadataConfiguration"]["textSearchConfigurations"]

    assert configurations()[-1] == {"metadataKey": "category", "language": "de", "status": "BUILDING"}
    assert configurations()[-1]["status"] == "ACTIVE"
    assert client.query_vectors(**names, **query)["vectors"] == []


def test_a_search_can_be_deleted(client, names, stored):
    gone = {"textSearchConfigurations": [{"metadataKey": "title"}]}
    client.update_metadata_configuration(**names, delete=gone)
    assert "not configured" in refused(
        client.query_vectors, **names, topK=1, queryTexts=[{"metadataKey": "title", "text": "red"}]
    )
    assert "No text search" in refused(client.update_metadata_configuration, **names, delete=gone)


@pytest.mark.parametrize(
    "change",
    [
        {},
        {
            "add": {"textSearchConfigurations": [{"metadataKey": "x"}]},
            "delete": {"textSearchConfigurations": [{"metadataKey": "title"}]},
        },
        {"add": {"textSearchConfigurations": [{"metadataKey": "title"}]}},
        {"add": {"textSearchConfigurations": [{"metadataKey": "x"}, {"metadataKey": "x"}]}},
        {"add": {"textSearchConfigurations": [{"metadataKey": f"x{number}"} for number in range(9)]}},
        {"add": {"textSearchConfigurations": [{"metadataKey": "x", "language": "xx"}]}},
    ],
)
def test_changes_of_searches_that_are_none_are_refused(client, names, change):
    assert refused(client.update_metadata_configuration, **names, **change)


def test_an_index_in_classic_mode_has_no_texts(client, names, stored):
    bucket = {"vectorBucketName": VECTOR_BUCKET}
    client.put_vector_bucket_default_index_mode(**bucket, defaultIndexMode="CLASSIC")
    assert client.get_vector_bucket(**bucket)["vectorBucket"]["defaultIndexMode"] == "CLASSIC"
    classic = names | {"indexName": "classic"}
    shape = {"dataType": "float32", "dimension": 4, "distanceMetric": "cosine"}
    configured = {"metadataConfiguration": {"textSearchConfigurations": [{"metadataKey": "title"}]}}
    assert "ENHANCED" in refused(client.create_index, **classic, **shape, **configured)
    client.create_index(**classic, **shape)
    assert client.get_index(**classic)["index"]["indexMode"] == "CLASSIC"
    client.put_vectors(**classic, vectors=[{"key": "a", "data": {"float32": QUERY}}])
    query = {"topK": 1, "queryVector": {"float32": QUERY}}
    assert client.query_vectors(**classic, **query, queryMode="CLASSIC")["vectors"] == [{"key": "a"}]
    assert client.query_vectors(**classic, **query, queryMode="ENHANCED")["vectors"] == [{"key": "a"}]
    texts = [{"metadataKey": "title", "text": "red"}]
    assert "ENHANCED" in refused(client.query_vectors, **classic, topK=1, queryTexts=texts)
    assert "ENHANCED" in refused(
        client.update_metadata_configuration, **classic, add=configured["metadataConfiguration"]
    )
    client.update_index_mode(**classic, indexMode="ENHANCED")
    client.update_metadata_configuration(**classic, add=configured["metadataConfiguration"])
    assert client.query_vectors(**classic, topK=1, queryTexts=texts)["vectors"] == []


def test_an_enhanced_index_takes_no_classic_queries_and_cannot_become_classic(client, names, stored):
    query = {"topK": 1, "queryVector": {"float32": QUERY}, "queryMode": "CLASSIC"}
    assert "CLASSIC" in refused(client.query_vectors, **names, **query)
    assert "before September 30, 2026" in refused(client.update_index_mode, **names, indexMode="CLASSIC")
