import numpy as np
import pytest

from lambda_app.release.reference import encoded
from lambda_app.release.smoke import SmokeCase, tolerated_differences

CASE = SmokeCase(photo="", category="Sofas", margin=0.11, neighbour="001", score=0.5)
UNCLEAR = CASE.model_copy(update={"margin": 0.1})
FOUND = ["003", "002", "001", "004"]


def test_the_expected_answer_passes():
    assert CASE.differences("Sofas", FOUND, 0.5) == []


def test_a_category_must_match_where_its_margin_is_clear():
    assert CASE.differences("Lamps", FOUND, 0.5) == ["category 'Lamps' instead of 'Sofas' (margin 0.11)"]
    assert UNCLEAR.differences("Lamps", FOUND, 0.5) == []


@pytest.mark.parametrize("found", [["001"], ["002", "003", "001"]])
def test_a_neighbour_in_the_first_three_may_have_another_score(found: list[str]):
    assert CASE.differences("Sofas", found, -1.0) == []


@pytest.mark.parametrize(("score", "passes"), [(0.519, True), (0.481, True), (0.521, False), (0.479, False)])
def test_a_neighbour_further_back_must_keep_its_own_score(score: float, passes: bool):
    assert (CASE.differences("Sofas", ["002", "003", "004", "001"], score) == []) == passes


def test_a_score_that_is_no_number_does_not_pass():
    assert "its score is nan instead of 0.500" in CASE.differences("Sofas", ["002"], float("nan"))[0]


def test_a_neighbour_that_the_release_lacks_is_named():
    assert CASE.differences("Sofas", ["002"], None) == ["the release has no item '001', the expected neighbour"]


def test_all_differences_of_a_case_are_told():
    assert len(CASE.differences("Lamps", ["002"], 0.9)) == 2


@pytest.mark.parametrize(
    ("cases", "precision", "tolerated"),
    [(5, "float32", 0), (4, "int8", 0), (5, "int8", 1), (9, "int8", 1), (10, "int8", 2), (0, "int8", 0)],
)
def test_one_case_in_five_may_differ_in_int8_only(cases: int, precision: str, tolerated: int):
    assert tolerated_differences(cases, precision) == tolerated


def test_an_embedding_near_the_expected_one_passes():
    expected = np.array([1, 0], np.float32)
    case = CASE.expecting(expected, "float32")
    np.testing.assert_array_equal(case.expected(2), expected)
    assert case.embedding_differences(np.array([0.991, 0.13], np.float32)) == []
    (found,) = case.embedding_differences(np.array([0.5, 0.86], np.float32))
    assert found == "its embedding has cosine 0.500 with the expected one; it takes 0.99"
    assert "cosine nan" in case.embedding_differences(np.array([np.nan, 0], np.float32))[0]


def test_int8_may_be_further_off():
    off = np.array([0.985, 0.17], np.float32)
    expected = np.array([1, 0], np.float32)
    assert CASE.expecting(expected, "float32").embedding_differences(off)
    assert CASE.expecting(expected, "int8").embedding_differences(off) == []


def test_a_case_of_an_older_release_expects_no_embedding():
    assert CASE.expected(2) is None
    assert CASE.embedding_differences(np.array([0, 1], np.float32)) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("no base64!", "not base64"),
        (encoded(np.ones(3, np.float32)), "6 bytes"),
        (encoded(np.ones(4, np.float32)), "2 embeddings of 2 dimensions"),
        (encoded(np.array([np.inf, 0], np.float32)), "finite"),
    ],
)
def test_what_is_not_one_embedding_is_refused(text: str, message: str):
    with pytest.raises(ValueError, match=message):
        CASE.model_copy(update={"embedding": text}).expected(2)
