import pytest

from pins.versions import newest, parsed, step


@pytest.mark.parametrize(
    ("pinned", "newer", "size"),
    [
        ("1.2.3", "2.0.0", "major"),
        ("1.2.3", "1.3.0", "minor"),
        ("1.2.3", "1.2.4", "patch"),
        ("1.2.3", "1.2.3", None),
        ("1.2.3", "1.2.2", None),
        ("2.9.0.post0", "2.9.0.post1", "patch"),
        ("1.2.3.4", "1.2.3.5", "patch"),
        ("26.3", "26.3.1", "patch"),
        ("312", "313", "major"),
        ("2026.9.0", "2026.11.15", "minor"),
    ],
)
def test_the_first_number_that_differs_decides_the_size_of_a_step(pinned: str, newer: str, size: str | None):
    assert step(pinned, newer) == size


@pytest.mark.parametrize(
    ("pinned", "newer", "size"),
    [("v6", "v7", "major"), ("v6", "v6.1.0", None), ("3.13", "3.14", "minor"), ("3.13", "3.13.2", None)],
)
def test_a_tag_that_moves_has_no_step_within_itself(pinned: str, newer: str, size: str | None):
    assert step(pinned, newer, moving=True) == size


def test_the_newest_version_is_the_largest_and_no_pre_release():
    assert newest("1.9.0", ["1.9.0", "1.10.0", "1.2.0", "2.0.0rc1"]) == "1.10.0"
    assert newest("2.0.0b1", ["1.9.0", "2.0.0b1", "2.0.0rc1"]) == "2.0.0rc1"
    assert newest("26.3", ["26.3", "26.3.1"]) == "26.3.1"


def test_tags_are_compared_with_tags_of_as_many_numbers_if_there_are_any():
    assert newest("v6", ["v5", "v6", "v6.2.0", "v7", "v7.0.1"], moving=True) == "v7"
    assert newest("3.13", ["3", "3.13", "3.14", "3.14.2026.11.01", "latest", "3.15-preview"], moving=True) == "3.14"
    assert newest("v6", ["v6.0.0", "v6.1.0"], moving=True) == "v6.1.0"


def test_texts_that_are_no_versions_are_passed_over():
    assert newest("latest", ["1.0"]) is None
    assert newest("1.0", ["latest", "main"]) is None
    assert parsed("latest") is None
    assert step("latest", "1.0") is None
