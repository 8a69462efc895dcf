import pytest

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
