from pathlib import Path

import pytest

from lambda_app.catalogue.vectors.index import new_client
from lambda_app.search.s3vectors.index import make_client


@pytest.mark.parametrize("client", [new_client, make_client])
def test_a_client_takes_the_region_of_aws_region_as_the_aws_cli_does(
    client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_REGION", "eu-west-3")
    assert client().meta.region_name == "eu-west-3"
