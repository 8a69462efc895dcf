import json
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import schemathesis
from hypothesis import given, settings
from schemathesis import GenerationMode

from reliability.fuzz.requests import hooks

CATEGORIES = ["Home", "Music"]
DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "shop", "version": "1"},
    "paths": {
        "/items/{image_id}": {
            "get": {
                "parameters": [
                    {"name": "image_id", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}},
                    {"name": "category", "in": "query", "required": True, "schema": {"type": "string"}},
                    {"name": "min_price", "in": "query", "required": True, "schema": {"type": "number"}},
                    {"name": "max_price", "in": "query", "required": True, "schema": {"type": "number"}},
                ],
                "responses": {"200": {"description": "found"}},
            }
        }
    },
}


@pytest.fixture(autouse=True)
def known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    hooks.KNOWN.write_text(json.dumps({"categories": CATEGORIES, "ids": ["000a", "003a"]}))


def cases(mode: GenerationMode) -> list[Any]:
    """Generated cases before and after the hook."""
    operation = schemathesis.openapi.from_dict(DOCUMENT)["/items/{image_id}"]["GET"]
    found = []

    @settings(max_examples=30, derandomize=True, database=None, deadline=None)
    @given(operation.as_strategy(generation_mode=mode))
    def collect(case: Any) -> None:
        before = (dict(case.path_parameters), dict(case.query or {}))
        after = hooks.map_case(Mock(), case)
        found.append((before, (dict(after.path_parameters), dict(after.query or {}))))

    collect()
    return found


def test_a_valid_request_is_made_valid_for_the_live_release():
    found = cases(GenerationMode.POSITIVE)
    assert {query["category"] for _, (_, query) in found} == set(CATEGORIES)
    assert all(query["min_price"] <= query["max_price"] for _, (_, query) in found)
    assert 0 < sum(path["image_id"] in ("000a", "003a") for _, (path, _) in found) < len(found)


def test_an_invalid_request_stays_as_it_is():
    assert all(before == after for before, after in cases(GenerationMode.NEGATIVE))


def test_liked_and_disliked_items_differ():
    wish: dict[str, Any] = {"liked": ["a", "b"], "disliked": ["003a", "c"]}
    hooks._fit(wish)
    assert not set(wish["liked"]) & set(wish["disliked"])


@pytest.mark.parametrize(
    ("body", "boxes"),
    [
        (b"photo", set(hooks.BOXES)),
        ({"file": [b"one"]}, set(hooks.BOXES)),
        ({"file": [b"one", b"two"]}, {hooks.WHOLE}),
        ({"uploads": ["one", "two"]}, {hooks.WHOLE}),
        ({"upload": "one"}, set(hooks.BOXES)),
    ],
)
def test_a_box_ends_within_a_single_photo(body: object, boxes: set[str]):
    found = set()
    for generated in ("1,1,1,1", "1.0,1,1,1", "1.000,1,1,1"):
        case = Mock(query={"box": generated}, body=body, path_parameters={})
        case.meta.generation.mode = GenerationMode.POSITIVE
        found.add(hooks.map_case(Mock(), case).query["box"])
    assert found == boxes
