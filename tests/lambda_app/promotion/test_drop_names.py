import pytest

from lambda_app.errors import RefusedReleaseError
from lambda_app.promotion.drop_names import MOST_NAME_BYTES, check_name, rejection_key


def test_a_name_up_to_the_limit_is_taken_and_a_longer_one_is_refused():
    check_name("x" * (MOST_NAME_BYTES - 4) + ".tar")
    with pytest.raises(RefusedReleaseError, match="has 241 bytes; the limit is 240"):
        check_name("x" * (MOST_NAME_BYTES - 3) + ".tar")


@pytest.mark.parametrize(
    "drop", ["drops/" + "y/" * 480 + "x.tgz", "drops/" + "é" * 500 + ".tar", "drops/" + "a" * 1018]
)
def test_a_note_always_has_a_key_that_stores_take(drop: str):
    key = rejection_key(drop)
    assert key.startswith("rejected/")
    assert key.endswith(".json")
    assert "//" not in key
    assert len(key.encode()) <= 920
    assert max(len(part.encode()) for part in key.split("/")) <= 245
