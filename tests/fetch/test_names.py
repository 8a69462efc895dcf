import unicodedata

import pytest

from fetch.names import Names, ending_for


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://cdn.example/files/chair-0_1.jpg?v=1", "chair-0_1"),
        ("https://cdn.example/my%20photo%20(1).PNG", "my_photo_1_"),
        ("https://cdn.example/Stühle.webp", "Stühle"),
        ("https://cdn.example/image", "image"),
        ("https://cdn.example/..%2F..%2Fetc%2Fpasswd", "etc_passwd"),
        ("https://cdn.example/.htaccess", "htaccess"),
    ],
)
def test_a_file_is_named_like_the_last_part_of_the_path(url: str, name: str):
    assert Names([]).add(url) == name


def test_a_name_that_is_taken_gets_a_number_made_from_the_url():
    names = Names(["Chair.png"])
    first, second = (names.add(f"https://cdn.example/{folder}/chair.jpg") for folder in "ab")
    assert first.startswith("chair-")
    assert second.startswith("chair-")
    assert first != second
    assert Names(["Chair.png"]).add("https://cdn.example/a/chair.jpg") == first


@pytest.mark.parametrize("url", ["https://cdn.example/", "https://cdn.example/%2E%2E", "https://[broken/a.jpg"])
def test_a_url_without_a_name_gets_one(url: str):
    assert Names([]).add(url).startswith("photo-")


def test_names_that_some_file_systems_take_for_the_same_are_not_given_twice():
    names = Names([])
    given = [
        names.add(f"https://cdn.example/{text}.jpg") for text in ("é", unicodedata.normalize("NFD", "é"), "É", "e")
    ]
    assert given[0] == "é"
    assert given[3] == "e"
    assert len({unicodedata.normalize("NFD", name).casefold() for name in given}) == 4


def test_a_long_name_fits_the_file_system():
    long = "椅" * 200
    names = Names([])
    for folder in "ab":
        assert len(f".{names.add(f'https://cdn.example/{folder}/{long}.jpg')}.webp.partial".encode()) <= 255


def test_the_ending_is_that_of_the_bytes():
    assert [ending_for(f"image/{kind}") for kind in ("jpeg", "png", "webp")] == [".jpg", ".png", ".webp"]
