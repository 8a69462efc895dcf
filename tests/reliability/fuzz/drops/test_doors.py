from pathlib import PurePosixPath

from lambda_app.promotion.drop_names import is_drop
from reliability.fuzz.drops.doors import DEEP_KEY, IGNORED_KEYS, LONG_KEYS, PATHS, REFUSED_KEYS, UPLOAD_KEYS, opened
from tests.reliability.fuzz.fake_server import fake_server


def test_a_service_that_refuses_everything_is_closed():
    with fake_server(lambda *_: (404, b"{}")) as target:
        assert list(opened(target)) == []


def test_an_answer_or_an_error_of_the_server_is_noticed():
    for status in (200, 307, 500):
        with fake_server(lambda *_, status=status: (status, b"{}")) as target:
            assert len(list(opened(target))) == len(UPLOAD_KEYS) + len(PATHS)


def test_a_secret_in_a_refusal_is_noticed():
    with fake_server(lambda *_: (404, b'{"high_water": 1}')) as target:
        assert len(list(opened(target))) == len(UPLOAD_KEYS) + len(PATHS)


def test_keys_are_of_the_kind_that_their_list_says():
    assert not any(is_drop(key) for key in IGNORED_KEYS)
    assert all(is_drop(key) for key in (*REFUSED_KEYS, *LONG_KEYS, DEEP_KEY))
    assert all(len(PurePosixPath(key).name.encode()) > 240 for key in LONG_KEYS)
    assert 1000 < len(DEEP_KEY) <= 1024
