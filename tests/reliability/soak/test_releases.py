import pytest

from reliability.soak import releases
from reliability.soak.load.connection import Reply
from reliability.soak.releases import Answers
from tests.reliability.soak.quick import counts, missed


@pytest.mark.slow
def test_releases_under_requests_give_no_failed_and_no_mixed_answer():
    report = releases.run(quick=True)
    assert missed(report, "MB") == [], report.notes
    assert counts(report, "releases promoted under requests") == [releases.QUICK_RELEASES]
    assert counts(report, "answers checked")[0] > 0
    assert counts(report, "whose answers clients got")[0] > 1


def test_failed_answers_and_unknown_releases_are_noted():
    answers = Answers()
    answers.judge("item", "000a", Reply(503, {}, b"later"), {})
    answers.judge("item", "000a", Reply(200, {"x-lookalike-release": "another"}, b"{}"), {})
    assert answers.failed == ["item: 503 b'later'"]
    assert answers.mixed == ["item of 000a: the header names 'another', which was never made"]
    assert answers.count == 2
