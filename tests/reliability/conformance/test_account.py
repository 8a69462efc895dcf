"""The index that the suite makes on an account, against the extended S3 Vectors."""

import logging
from typing import Any

import numpy as np
import pytest

from lambda_app.catalogue.vectors.index import VectorsIndex
from lambda_app.catalogue.vectors.retrying import Retries
from lambda_app.errors import SettingsError, StoreError
from lambda_app.search.s3vectors.schema import item_of
from lambda_app.store.folder import FolderStore
from reliability.conformance import account
from reliability.conformance.account import filled_index
from reliability.conformance.service.shop import Shop
from reliability.conformance.service.subject import publish
from tests.s3vectors.server import VECTOR_BUCKET, S3VectorsServer


@pytest.fixture
def index(s3vectors: S3VectorsServer, shop: Shop) -> VectorsIndex:
    return VectorsIndex(s3vectors.client(), VECTOR_BUCKET, f"items-{shop.manifest.model.sha256[:16]}", Retries(0.0))


@pytest.fixture
def published(shop: Shop, tmp_path) -> FolderStore:
    return publish(shop, tmp_path / "store")


def indexes(index: VectorsIndex) -> list[dict[str, Any]]:
    return list(index.client.list_indexes(vectorBucketName=VECTOR_BUCKET)["indexes"])


def test_the_index_holds_the_catalogue_and_is_deleted(index: VectorsIndex, shop: Shop, published: FolderStore):
    with filled_index(index, shop, published):
        keys = {key for page in index.pages() for key in page}
        assert keys == {item.image_id for item in shop.items}
        for row in (0, 33, 722):
            found = index.get([shop.items[row].image_id])[shop.items[row].image_id]
            assert item_of(found["key"], found["metadata"]) == (row, shop.items[row])
            np.testing.assert_allclose(found["data"]["float32"], shop.vectors[row], atol=1e-6)
    assert indexes(index) == []


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_the_index_is_deleted_after_a_failure(index: VectorsIndex, shop: Shop, published: FolderStore, error):
    def fail() -> None:
        assert len(indexes(index)) == 1
        raise error

    with pytest.raises(error), filled_index(index, shop, published):
        fail()
    assert indexes(index) == []


def test_the_index_is_deleted_if_it_cannot_be_filled(
    index: VectorsIndex, shop: Shop, published: FolderStore, s3vectors: S3VectorsServer
):
    s3vectors.backend.denied.add("s3vectors:PutVectors")
    with pytest.raises(StoreError, match="PutVectors"), filled_index(index, shop, published):
        pytest.fail("the block ran")
    assert indexes(index) == []


def test_an_index_that_exists_is_left_as_it_is(index: VectorsIndex, shop: Shop, published: FolderStore):
    index.create(4)
    with pytest.raises(SettingsError, match="exists already"), filled_index(index, shop, published):
        pytest.fail("the block ran")
    assert len(indexes(index)) == 1


def test_text_searches_are_waited_for(
    index: VectorsIndex, shop: Shop, published: FolderStore, s3vectors: S3VectorsServer, monkeypatch
):
    s3vectors.backend.building = 4
    waits: list[float] = []
    with filled_index(index, shop, published, waits.append):
        metadata = (index.describe() or {})["metadataConfiguration"]
        assert {search["status"] for search in metadata["textSearchConfigurations"]} == {"ACTIVE"}
    assert waits
    assert waits == sorted(waits)
    monkeypatch.setattr(account, "BUILDING_SECONDS", 5.0)
    s3vectors.backend.building = 1000
    with (
        pytest.raises(StoreError, match="title, category, description"),
        filled_index(index, shop, published, lambda _: None),
    ):
        pytest.fail("the block ran")
    assert indexes(index) == []


def test_an_index_that_cannot_be_deleted_is_named_with_the_command(
    index: VectorsIndex, shop: Shop, published: FolderStore, s3vectors: S3VectorsServer, caplog
):
    with (
        caplog.at_level(logging.ERROR),
        pytest.raises(StoreError, match="DeleteIndex"),
        filled_index(index, shop, published),
    ):
        s3vectors.backend.denied.add("s3vectors:DeleteIndex")
    assert f"delete-index --vector-bucket-name {VECTOR_BUCKET} --index-name {index.name}" in caplog.text
