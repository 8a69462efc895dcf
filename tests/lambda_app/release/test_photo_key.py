import pytest

from lambda_app.release.photo_key import MOST_BYTES, is_photo_key


@pytest.mark.parametrize("key", ["datasets/x/1.jpg", "datasets/x/photos/a b é.jpg", "datasets/x/..1/.hidden"])
def test_paths_of_a_dataset_are_photo_keys(key: str):
    assert is_photo_key(key)


@pytest.mark.parametrize(
    "key",
    [
        "",
        "live.json",
        "objects/00",
        "releases/x/manifest.json",
        "uploads/x/y",
        "Datasets/x/y",
        "/datasets/x/y",
        "datasets/x",
        "datasets//y",
        "datasets/x/",
        "datasets/x/../y",
        "datasets/x/./y",
        "datasets/x/y\\z",
        "datasets/x/y\0",
    ],
)
def test_everything_else_is_not(key: str):
    assert not is_photo_key(key)


def test_a_key_has_at_most_1024_bytes():
    key = "datasets/x/" + "é" * 506
    assert len(key.encode()) == MOST_BYTES - 1
    assert is_photo_key(key + "a")
    assert not is_photo_key(key + "aa")
