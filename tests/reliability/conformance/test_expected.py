"""That the suite notices wrong answers: every kind of them, made from right ones."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from lambda_app.recommendation.query import Match, SimilarQuery
from lambda_app.recommendation.recommender import Recommender
from lambda_app.release.catalog import CatalogFilter
from reliability.conformance.service.expected import (
    MismatchError,
    Wanted,
    check_item,
    check_matches,
    expect,
    priced,
    without,
)
from reliability.conformance.service.subject import Subject
from reliability.conformance.suite import CASES, run_cases

K = 10

# What is checked here does not depend on the engine.
pytestmark = pytest.mark.parametrize("subject", ["flat"], indirect=True)


def answered(subject: Subject, query: SimilarQuery) -> list[Match]:
    return subject.recommender.similar(subject.shop.vectors[30], query)


def checked(subject: Subject, matches: list[Match], wanted: Wanted = Wanted()) -> None:  # noqa: B008
    check_matches(subject.shop, subject.shop.vectors[30], wanted, matches, K, subject.tolerance)


def test_right_answers_pass(subject: Subject):
    checked(subject, answered(subject, SimilarQuery(K)))
    checked(subject, answered(subject, SimilarQuery(K, CatalogFilter(max_price=20))), priced(None, 20))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda matches: matches[:-1], "9 results instead of 10"),
        (lambda matches: [matches[0], *matches[:-1]], "comes twice"),
        (lambda matches: [matches[-1], *matches[1:-1], matches[0]], "place 0 has"),
        (lambda matches: [replace(matches[0], score=matches[0].score - 0.01), *matches[1:]], "has score"),
        (lambda matches: [replace(one, item=replace(one.item, price=3.25)) for one in matches], "price of"),
        (lambda matches: [*matches[:4], *matches[5:], matches[-1]], "comes twice"),
    ],
)
def test_wrong_results_are_noticed(subject: Subject, change: Callable, message: str):
    with pytest.raises(MismatchError, match=message):
        checked(subject, change(answered(subject, SimilarQuery(K))))


def test_results_that_should_not_qualify_are_noticed(subject: Subject):
    matches = answered(subject, SimilarQuery(K))
    with pytest.raises(MismatchError, match="does not qualify"):
        checked(subject, matches, without([matches[4].item.image_id]))
    with pytest.raises(MismatchError, match="a product comes twice"):
        checked(subject, answered(subject, SimilarQuery(K, distinct="image")))


def test_a_result_that_is_missing_from_the_middle_is_noticed(subject: Subject):
    matches = answered(subject, SimilarQuery(K + 1))
    with pytest.raises(MismatchError, match="place 4 has"):
        checked(subject, [*matches[:4], *matches[5:]])


def test_a_missing_description_is_noticed(subject: Subject):
    item = subject.shop.items[0]
    check_item(subject.shop, item, described=True)
    with pytest.raises(MismatchError, match="description of"):
        check_item(subject.shop, replace(item, description=None), described=True)


def test_the_suite_reports_each_case_and_goes_on(subject: Subject, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Recommender, "similar_to", lambda *_args: [])
    outcomes = {outcome.case: outcome for outcome in run_cases(subject)}
    assert list(outcomes) == list(CASES)
    failed = {name for name, outcome in outcomes.items() if outcome.problem}
    assert failed == {"items.similar_to_an_item", "items.unknown_ids", "items.blocked_items", "routes.item_pages"} | {
        "routes.errors"
    }
    assert outcomes["items.similar_to_an_item"].problem == "MismatchError: 0 results instead of 20"
    assert outcomes["items.items_by_id"].about == "An item has all its fields, the description included."


def test_a_condition_that_does_not_hold_is_a_mismatch(subject: Subject):
    expect(True, "fine")
    with pytest.raises(MismatchError, match="why"):
        expect(False, "why")
