import io

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from botocore.response import StreamingBody
from botocore.stub import Stubber

from lambda_app.errors import MissingObjectError, StoreError
from lambda_app.s3_client import Patience, download_file, make_client, store_errors

S3TRANSFER_ATTEMPTS = 5


@pytest.fixture
def client():
    return make_client(Patience(connect=1, read=2, attempts=3), connections=4)


class BrokenStream(io.RawIOBase):
    """A body whose connection breaks at once."""

    def read(self, size=-1):
        raise ConnectionResetError("connection reset by peer")


def test_a_client_waits_and_tries_as_it_was_told(client):
    config = client.meta.config
    assert (config.connect_timeout, config.read_timeout, config.max_pool_connections) == (1, 2, 4)
    assert config.retries["total_max_attempts"] == 3


def test_a_connection_that_keeps_breaking_is_a_store_error_and_leaves_nothing(client, tmp_path):
    with Stubber(client) as stub:
        stub.add_response("head_object", {"ContentLength": 4, "ETag": '"0"'})
        for _ in range(S3TRANSFER_ATTEMPTS):
            stub.add_response("get_object", {"Body": StreamingBody(BrokenStream(), 4), "ETag": '"0"'})
        with pytest.raises(StoreError, match="objects/a"):
            download_file(client, "bucket", "objects/a", tmp_path / "target")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("raised", "kind"),
    [
        (ClientError({"Error": {"Code": "NoSuchKey"}}, "GetObject"), MissingObjectError),
        (ClientError({"Error": {"Code": "404"}}, "HeadObject"), MissingObjectError),
        (ClientError({"Error": {"Code": "AccessDenied"}}, "GetObject"), StoreError),
        (EndpointConnectionError(endpoint_url="http://127.0.0.1:1"), StoreError),
    ],
)
def test_errors_of_the_client_are_the_store_s_and_name_the_key(raised, kind):
    with pytest.raises(StoreError, match="objects/a") as caught, store_errors("objects/a", "s3://bucket"):
        raise raised
    assert type(caught.value) is kind
    assert caught.value.__cause__ is raised
