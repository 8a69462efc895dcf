"""Against botocore's stub: pages that break within a key, and versions as S3's life-cycle rules leave them."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from operate.versions import KeyHistory, Version, histories

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def s3() -> Iterator[tuple[Any, Stubber]]:
    client = boto3.client("s3")
    with Stubber(client) as stub:
        yield client, stub


def listed(key: str, number: int, hours: int, *, latest: bool = False, deletes: bool = False) -> dict[str, Any]:
    found = {"Key": key, "VersionId": f"v{number}", "LastModified": NOON + hours * HOUR, "IsLatest": latest}
    return found if deletes else {**found, "ETag": f'"{number}"', "Size": number}


def history(*versions: dict[str, Any]) -> KeyHistory:
    made = (
        Version(one["VersionId"], one["LastModified"], one["IsLatest"], one.get("ETag"), one.get("Size", 0))
        for one in versions
    )
    return KeyHistory("a", tuple(made))


def test_a_key_whose_versions_go_on_in_the_next_page_is_one_history(s3: tuple[Any, Stubber]):
    client, stub = s3
    marks = {"IsTruncated": True, "NextKeyMarker": "b", "NextVersionIdMarker": "v2"}
    first = {"Versions": [listed("a", 1, 0, latest=True), listed("b", 2, 1)]}
    second = {"Versions": [listed("b", 3, 0), listed("c", 4, 0, latest=True)]}
    stub.add_response(
        "list_object_versions", {**first, **marks, "DeleteMarkers": [listed("b", 9, 2, latest=True, deletes=True)]}
    )
    stub.add_response("list_object_versions", {**second, "IsTruncated": False})
    found = {one.key: [version.id for version in one.versions] for one in histories(client, "shop", "")}
    assert found == {"a": ["v1"], "b": ["v9", "v2", "v3"], "c": ["v4"]}


def test_a_version_is_current_from_its_writing_to_the_next_one():
    found = history(listed("a", 3, 2, latest=True), listed("a", 2, 1, deletes=True), listed("a", 1, 0))
    moments = {-1: None, 0: "v1", 1: None, 2: "v3", 5: "v3"}
    for hours, expected in moments.items():
        version = found.at(NOON + hours * HOUR)
        assert (version.id if version else None) == expected, hours
    assert found.now is not None
    assert found.now.id == "v3"
    assert not found.lost(NOON)


def test_of_a_write_and_a_deletion_in_the_same_second_the_write_counts(s3: tuple[Any, Stubber]):
    client, stub = s3
    stub.add_response(
        "list_object_versions",
        {
            "Versions": [listed("a", 1, 0)],
            "DeleteMarkers": [listed("a", 2, 0, latest=True, deletes=True)],
            "IsTruncated": False,
        },
    )
    (found,) = histories(client, "shop", "")
    assert found.now is None
    version = found.at(NOON)
    assert version is not None
    assert version.id == "v1"


def test_a_key_is_lost_if_only_its_deletion_is_left():
    only_the_mark = history(listed("a", 2, 1, latest=True, deletes=True))
    assert only_the_mark.lost(NOON)
    assert not only_the_mark.lost(NOON + 2 * HOUR)
    assert only_the_mark.at(NOON) is None
    assert only_the_mark.now is None
