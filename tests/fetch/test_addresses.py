import pytest

from fetch.addresses import checked_addresses, is_public, system_resolve
from fetch.failure import FetchFailedError


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",  # noqa: S104
        "10.1.2.3",
        "100.64.0.1",
        "100.100.100.200",
        "127.0.0.1",
        "127.8.9.1",
        "168.63.129.16",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.192",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.0.1",
        "198.19.255.255",
        "198.51.100.7",
        "203.0.113.7",
        "224.0.0.1",
        "239.255.255.250",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:93.184.216.34",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::10.0.0.1",
        "64:ff9b:1::5db8:d822",
        "100::1",
        "2001::1",
        "2001:0:5ef5:79fb::1",
        "2001:20::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "2002:5db8:d822::1",
        "3fff::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fe80::1%eth0",
        "2606:2800:220:1::1%eth0",
        "fec0::1",
        "ff02::1",
        "localhost",
        "",
    ],
)
def test_an_address_that_is_not_of_the_public_internet_is_refused(address: str):
    assert not is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "93.184.216.34",
        "1.1.1.1",
        "100.63.255.255",
        "100.128.0.1",
        "172.32.0.1",
        "223.255.255.255",
        "2606:2800:220:1::1",
        "2a00::1",
        "64:ff9b::5db8:d822",  # 93.184.216.34 through NAT64
    ],
)
def test_a_public_address_is_allowed(address: str):
    assert is_public(address)


def test_one_private_address_among_public_ones_refuses_the_host():
    with pytest.raises(FetchFailedError, match=r"cdn\.example has the address 10\.0\.0\.1") as caught:
        checked_addresses("cdn.example", lambda host: ["93.184.216.34", "10.0.0.1"], is_public)
    assert caught.value.reason == "private_address"
    assert not caught.value.passing


def test_a_host_without_addresses_is_not_found():
    with pytest.raises(FetchFailedError) as caught:
        checked_addresses("cdn.example", lambda host: [], is_public)
    assert caught.value.reason == "no_such_host"


@pytest.mark.parametrize("host", ["127.0.0.1", "2130706433", "0x7f.1", "0177.0.0.1", "127.1"])
def test_a_number_in_any_notation_is_checked_as_the_address_that_it_means(host: str):
    with pytest.raises(FetchFailedError) as caught:
        checked_addresses(host, system_resolve, is_public)
    assert caught.value.reason == "private_address"
