import pytest

from reliability.soak import overload
from reliability.soak.load.arrivals import Plan, Sent
from reliability.soak.overload import Burst, Round
from tests.reliability.soak.quick import counts, missed

CLOSED = Plan(1, "/", "", "", seconds=2.0, clients=2)
OPEN = Plan(1, "/", "", "", seconds=3.0, rate=9.0)


@pytest.mark.slow
def test_what_is_too_much_is_refused_and_the_rest_answered():
    report = overload.run(quick=True)
    assert missed(report, "beside the peak", " ms", ", s") == [], report.notes
    assert counts(report, "requests refused with 503")[0] > 0
    assert counts(report, "peak goodput, photos a second")[0] > 0


def load(due: float, seconds: float = 0.1, status: int = 200, *, retry_after: bool = False) -> Sent:
    return Sent("load", due, seconds, status, retry_after)


def met(sent: list[Sent]) -> dict[str, bool | None]:
    closed = Burst(CLOSED, [load(0.1), load(0.5)], 1.0)
    rows = overload.rows(0.1, [Round([closed], Burst(OPEN, sent, 1.0))])
    return {row.measure.strip(): row.met for row in rows if row.goal}


def test_goodput_counts_good_answers_by_the_moment_when_they_arrive():
    answers = [load(0.2), load(0.95), load(1.5), load(2.5), load(2.95), load(1.2, status=503, retry_after=True)]
    assert Burst(OPEN, answers, 2.0).goodput == 3 / 2
    assert Burst(OPEN, answers, 2.0).efficiency == 5 / 2
    assert Burst(CLOSED, [load(0.2), load(1.95), load(1.5)], 1.0).goodput == 1.0


def test_recovery_ends_with_the_first_answer_at_the_usual_speed():
    after = [
        Sent("after", 3.0, 0.1, 503, True),
        Sent("after", 3.1, 0.5, 200, False),
        Sent("after", 3.6, 0.2, 200, False),
    ]
    assert Burst(OPEN, after, 1.0).recovered(0.1) == pytest.approx(0.8)
    assert Burst(OPEN, after[:2], 1.0).recovered(0.1) is None


def test_the_goals_can_be_missed():
    refused = load(1.5, 0.01, 503, retry_after=True)
    recovered = Sent("after", 3.0, 0.1, 200, False)
    good = [load(1.2), load(1.7), load(2.2), refused, recovered]
    assert set(met(good).values()) == {True}
    lost = met([load(1.2), refused, recovered, load(1.5, 0.01, 503), load(1.6, status=0)])
    assert not lost["goodput at 4 times the peak's rate, beside the peak"]
    assert not lost["without Retry-After"]
    assert not lost["requests with another answer or with none"]
    slow = met([load(1.2), load(1.3), load(1.5, 0.06, 503, retry_after=True), Sent("/readyz", 1.0, 0.1, 503, True)])
    assert not slow["p99 of a refusal, ms"]
    assert not slow["probes not answered 200"]
    assert not slow["from the end of the load to the usual speed, s"]
