from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, ParamValidationError

from lambda_app.catalogue.vectors.retrying import Retries
from lambda_app.errors import MissingObjectError, StoreError

NAMES = {"vectorBucketName": "shop", "indexName": "items-1"}


class Service:
    """Fails with these errors, one after the other, then answers."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.calls = 0

    def __call__(self, **_: Any) -> dict[str, Any]:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return {"done": True}


class Clock:
    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds

    def retries(self, jitter: float = 1.0, seconds: float = 60.0) -> Retries:
        return Retries(seconds, clock=lambda: self.now, sleep=self.sleep, jitter=lambda: jitter)


def answered(status: int) -> ClientError:
    response: Any = {"Error": {"Code": "Some", "Message": "words"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, "PutVectors")


PASSING = [*map(answered, (408, 429, 500, 502, 503, 504)), ConnectionClosedError(endpoint_url="http://here")]


@pytest.mark.parametrize("error", PASSING, ids=str)
def test_what_may_pass_is_sent_again(error: Exception):
    service, clock = Service(error, error), Clock()
    retries = clock.retries()
    assert retries.call(service, "PutVectors", **NAMES) == {"done": True}
    assert (service.calls, retries.sent_again, clock.pauses) == (3, 2, [0.1, 0.2])


def test_pauses_double_up_to_five_seconds_and_are_cut_at_random():
    clock = Clock()
    clock.retries(jitter=0.5).call(Service(*[answered(429)] * 9), "PutVectors", **NAMES)
    assert clock.pauses == pytest.approx([0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 2.5, 2.5, 2.5])


def test_a_storm_ends_with_an_error_that_says_what_was_answered():
    service, clock = Service(*[answered(429)] * 1000), Clock()
    with pytest.raises(StoreError, match=r"PutVectors for index items-1 in vector bucket shop: tried for 60 s.*words"):
        clock.retries().call(service, "PutVectors", **NAMES)
    assert clock.now <= 60.0


def test_a_missing_index_is_named():
    with pytest.raises(MissingObjectError, match="no index items-1 in vector bucket shop"):
        Clock().retries().call(Service(answered(404)), "PutVectors", **NAMES)


def test_a_missing_right_names_the_action():
    service = Service(answered(403))
    with pytest.raises(StoreError, match="no right to s3vectors:ListVectors on index items-1"):
        Clock().retries().call(service, "ListVectors", **NAMES)
    assert service.calls == 1


@pytest.mark.parametrize("error", [answered(400), ParamValidationError(report="key too long")], ids=str)
def test_a_refused_request_is_not_sent_again(error: Exception):
    service = Service(error)
    with pytest.raises(StoreError, match="S3 Vectors refused PutVectors"):
        Clock().retries().call(service, "PutVectors", **NAMES)
    assert service.calls == 1
