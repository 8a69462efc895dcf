import pytest

from lambda_app.errors import LookalikeError
from operate.listening import address, bound


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


def test_a_host_that_can_be_no_name_is_an_error_that_names_the_options():
    with pytest.raises(LookalikeError, match=r"port 8000: .*label .*Choose another address with --port$"):
        bound("a" * 64, 8000, "--port")


def test_an_ipv6_address_is_in_brackets():
    assert address("::1", 8000) == "http://[::1]:8000"
    assert address("localhost", 80) == "http://localhost:80"
