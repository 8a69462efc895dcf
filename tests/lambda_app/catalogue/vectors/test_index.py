from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lambda_app.catalogue.vectors.index import new_client
from lambda_app.errors import ReleaseError
from lambda_app.search.s3vectors.index import make_client
from tests.lambda_app.catalogue.vectors.conftest import Kept
from tests.lambda_app.catalogue.vectors.indexed import check_equal, index_of, loader
from tests.s3vectors import limits
from tests.s3vectors.server import S3VectorsServer


@pytest.mark.parametrize("client", [new_client, make_client])
def test_a_client_takes_the_region_of_aws_region_as_the_aws_cli_does(
    client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_REGION", "eu-west-3")
    assert client().meta.region_name == "eu-west-3"


def test_an_item_that_the_service_refuses_is_named_with_its_sizes_and_the_limits(
    kept: Kept, s3vectors: S3VectorsServer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(limits, "MOST_FILTERABLE", 150)  # the service counts in another way than is known
    item = replace(kept.item(3), image_id="long", product_id="p" * 200)
    second = kept.follow(
        kept.first, segments=[replace(kept.new(1, "x"), items=[item], vectors=np.eye(1, 16, dtype=np.float32))]
    )
    index = index_of(s3vectors, kept.first)
    with pytest.raises(ReleaseError, match=r"cannot hold item 'long'.* bytes of filterable metadata \(limit 2,048\)"):
        loader(kept.store).bring(index, second)
    assert s3vectors.counts()["PutVectors"] < 20  # halves, not one by one
    # When the item is gone, the load goes on.
    loader(kept.store).bring(index, kept.first)
    check_equal(s3vectors, index, kept.store, kept.first)
