import pytest

from scripts.demo import STORE, is_own_store


@pytest.mark.parametrize(
    ("store", "own"),
    [
        (str(STORE), True),
        (f"{STORE}/../store", True),
        (f"{STORE}-2", False),
        (STORE.as_uri(), False),
        ("s3://bucket", False),
        (f"s3://bucket/{STORE}", False),
    ],
)
def test_the_demo_replaces_a_better_release_in_its_own_folder_only(store, own):
    assert is_own_store(store) == own
