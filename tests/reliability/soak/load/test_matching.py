"""Answers of a real service are of one release; the same answers with a part of another release are not."""

import json
from datetime import UTC, datetime

import pytest
from fastapi.testclient import TestClient

from lambda_app.api.app import create_app
from lambda_app.promotion.promotion import go_live
from lambda_app.settings import Settings
from lambda_app.store.folder import FolderStore
from reliability.soak.load.connection import Reply
from reliability.soak.load.matching import RELEASE_HEADER, problems
from reliability.soak.load.numbered import Maker, Numbered

PHOTO = "003a"
KINDS = ("predict", "similar", "item", "release")


@pytest.fixture(scope="module")
def answered(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Numbered], list[dict[str, Reply]]]:
    """Two releases, and for each what the service answers to every kind of question."""
    folder = tmp_path_factory.mktemp("matching")
    maker, releases, replies = Maker(folder, datetime(2026, 11, 1, tzinfo=UTC)), {}, []
    for number in (0, 1):
        store = FolderStore(folder / f"store-{number}")
        _, made = maker.make(number)
        releases[made.manifest.release] = made
        go_live(store, maker.folder, made.manifest)
        with TestClient(create_app(Settings(store=str(store), threads=1), store)) as client:
            files = {"file": maker.photos[PHOTO]}
            found = {
                "predict": client.post("/predict?distinct=image", files=files),
                "similar": client.get(f"/items/{PHOTO}/similar"),
                "item": client.get(f"/items/{PHOTO}"),
                "release": client.get("/release"),
            }
        replies.append({kind: Reply(r.status_code, dict(r.headers), r.content) for kind, r in found.items()})
    return releases, replies


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("number", [0, 1])
def test_an_answer_of_one_release_has_no_problem(answered, kind, number):
    releases, replies = answered
    assert problems(replies[number][kind], kind, PHOTO, releases) == []


@pytest.mark.parametrize("kind", KINDS)
def test_an_answer_under_the_other_release_s_name_is_mixed(answered, kind):
    releases, (first, second) = answered
    headers = second[kind].headers
    assert headers[RELEASE_HEADER] != first[kind].headers[RELEASE_HEADER]
    assert problems(Reply(200, headers, first[kind].body), kind, PHOTO, releases)


@pytest.mark.parametrize("part", ["embedding", "results", "similar_index"])
def test_one_part_of_the_other_release_is_enough(answered, part):
    releases, (first, second) = answered
    body, other = json.loads(first["predict"].body), json.loads(second["predict"].body)
    assert body[part] != other[part]
    mixed = json.dumps({**body, part: other[part]}).encode()
    assert problems(Reply(200, first["predict"].headers, mixed), "predict", PHOTO, releases)


def test_items_of_the_other_release_under_the_right_ids_are_mixed(answered):
    """As if the index were of one release and the catalog of the other."""
    releases, (first, _) = answered
    body = json.loads(first["similar"].body)
    other = next(r for r in releases.values() if r.number == 1)
    for result in body["results"]:
        result["price"] = other.items[result["image_id"]].price
    found = problems(Reply(200, first["similar"].headers, json.dumps(body).encode()), "similar", PHOTO, releases)
    assert len(found) == len(body["results"])
    assert "price of" in found[0]


def test_a_release_that_was_never_made_is_a_problem(answered):
    releases, (first, _) = answered
    reply = Reply(200, {RELEASE_HEADER: "none"}, first["item"].body)
    assert problems(reply, "item", PHOTO, releases) == ["the header names 'none', which was never made"]
