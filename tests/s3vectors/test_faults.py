"""Faults on demand, and what the server counts."""

import threading
from contextlib import ExitStack

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError

from tests.s3vectors.faults import STATUS
from tests.s3vectors.test_vectors import listed, vectors


@pytest.mark.parametrize("code", STATUS)
def test_the_next_calls_fail_and_then_succeed(client, s3vectors, names, code):
    s3vectors.faults.fail(code, calls=2)
    for _ in range(2):
        with pytest.raises(ClientError) as caught:
            client.get_index(**names)
        assert caught.value.response["Error"]["Code"] == code
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == STATUS[code]
    assert client.get_index(**names)


def test_a_fault_meets_its_operation_alone_and_skips_calls(client, s3vectors, names):
    s3vectors.faults.fail("TooManyRequestsException", calls=None, operation="PutVectors", skip=1)
    client.get_index(**names)
    client.put_vectors(**names, vectors=vectors(2))
    for _ in range(3):
        with pytest.raises(client.exceptions.TooManyRequestsException):
            client.put_vectors(**names, vectors=vectors(9))
    s3vectors.faults.clear()
    assert len(listed(client, names)) == 2


def test_clients_of_boto3_try_again(s3vectors, names):
    s3vectors.faults.fail("ServiceUnavailableException", calls=1)
    client = s3vectors.client(retries={"total_max_attempts": 2, "mode": "standard"})
    assert client.get_index(**names)
    assert s3vectors.counts()["GetIndex"] == 2


def test_connections_break_before_or_after_the_call_is_carried_out(client, s3vectors, names):
    for after, stored in ((False, 0), (True, 3)):
        s3vectors.faults.drop(after=after)
        with pytest.raises(ConnectionClosedError):
            client.put_vectors(**names, vectors=vectors(3))
        assert len(listed(client, names)) == stored
    assert [call.status for call in s3vectors.calls if call.operation == "PutVectors"] == [0, 0]


def test_slow_answers_meet_the_time_limit_of_a_client(s3vectors, names):
    s3vectors.faults.slow(60, calls=1)
    with pytest.raises(ReadTimeoutError):
        s3vectors.client(read_timeout=0.1).get_index(**names)
    s3vectors.faults.clear()


def test_clearing_ends_a_slow_answer(client, s3vectors, names):
    s3vectors.faults.slow(60)
    with ExitStack() as stack:
        asking = threading.Thread(target=client.get_index, kwargs=names)
        stack.callback(asking.join, 10)
        asking.start()
        stack.callback(s3vectors.faults.clear)
    assert not asking.is_alive()


def test_an_unknown_code_is_no_fault(s3vectors):
    with pytest.raises(ValueError, match="unknown error code Oops"):
        s3vectors.faults.fail("Oops")


def test_calls_and_bytes_are_counted(client, s3vectors, names):
    client.put_vectors(**names, vectors=vectors(3))
    client.delete_vectors(**names, keys=["k0", "k9"])
    client.get_vectors(**names, keys=["k1"])
    assert s3vectors.counts() == {"CreateIndex": 1, "PutVectors": 1, "DeleteVectors": 1, "GetVectors": 1}
    call = s3vectors.calls[-1]
    assert (call.status, call.received) == (200, len(b'{"vectors": [{"key": "k1"}]}'))
    assert len(call.body) == call.sent > 0
    assert (s3vectors.backend.vectors_put, s3vectors.backend.vectors_deleted) == (3, 2)


def test_a_reset_forgets_vectors_faults_and_settings(client, s3vectors, names):
    s3vectors.backend.denied.add("s3vectors:GetIndex")
    with pytest.raises(client.exceptions.AccessDeniedException, match="s3vectors:GetIndex"):
        client.get_index(**names)
    s3vectors.faults.fail("InternalServerException", calls=None)
    s3vectors.reset()
    with pytest.raises(client.exceptions.NotFoundException):
        client.get_index(**names)
    assert s3vectors.counts() == {"GetIndex": 1}
