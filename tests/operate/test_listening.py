import pytest

from lambda_app.errors import LookalikeError
from operate.listening import bound


def test_a_name_is_bound_at_each_of_its_addresses():
    sockets = bound("localhost", 0)
    try:
        assert {one.getsockname()[0] for one in sockets} & {"127.0.0.1", "::1"}
    finally:
        for one in sockets:
            one.close()


def test_an_address_of_another_machine_is_named():
    with pytest.raises(LookalikeError, match=r"cannot listen on 192\.0\.2\.1, port 8000"):
        bound("192.0.2.1", 8000)
