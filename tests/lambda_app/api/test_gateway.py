import base64
import random
from types import SimpleNamespace
from typing import Any

import pytest
from mangum.types import LambdaConfig
from pydantic import ValidationError

from lambda_app.api.gateway import NativeHTTPGateway
from tests.lambda_events import recorded

CONFIG: LambdaConfig = {"api_gateway_base_path": "/", "text_mime_types": [], "exclude_headers": []}


def body_of(**changes: Any) -> bytes:
    event = {**recorded("http_v2_post_photo"), **changes}
    return NativeHTTPGateway(event, SimpleNamespace(), CONFIG).body


@pytest.mark.parametrize("length", [1, 2, 3, 1000, 100_001])
def test_base64_becomes_the_bytes_that_it_stands_for(length: int):
    data = random.Random(length).randbytes(length)
    assert body_of(body=base64.b64encode(data).decode(), isBase64Encoded=True) == data


@pytest.mark.parametrize("encoded", [True, False])
@pytest.mark.parametrize("body", ["", None])
def test_no_body_is_an_empty_one(body: str | None, encoded: bool):
    assert body_of(body=body, isBase64Encoded=encoded) == b""


def test_text_stays_what_it_is():
    assert body_of(body='{"liked": ["ö"]}', isBase64Encoded=False) == '{"liked": ["ö"]}'.encode()


def test_what_only_claims_to_be_base64_is_an_error():
    with pytest.raises(ValidationError, match="base64"):
        body_of(body="no base64!", isBase64Encoded=True)
