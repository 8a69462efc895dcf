import pytest

from lambda_app.catalogue.vectors.pacing import RATE, Pace
from lambda_app.errors import SettingsError
from lambda_app.search.s3vectors.schema import MOST_PUT, MOST_WRITTEN_PER_SECOND


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.mark.parametrize("took", [0.0, 0.05, 0.3, 2.0])
def test_no_second_takes_as_many_vectors_as_the_service_refuses(took: float):
    clock, sent = Clock(), []
    pace = Pace(clock=clock, sleep=clock.sleep)
    for _ in range(40):
        pace.take(MOST_PUT)
        sent.append(clock.now)
        clock.sleep(took)
    assert max(sum(MOST_PUT for at in sent if begin <= at < begin + 1) for begin in sent) < MOST_WRITTEN_PER_SECOND
    if took < MOST_PUT / RATE:
        assert sent[-1] - sent[0] == pytest.approx(39 * MOST_PUT / RATE)


def test_a_pause_is_not_made_up_for():
    clock = Clock()
    pace = Pace(clock=clock, sleep=clock.sleep)
    pace.take(500)
    clock.sleep(60)
    begun = clock.now
    for _ in range(5):
        pace.take(500)
    assert clock.now - begun == pytest.approx(1.0)


@pytest.mark.parametrize("rate", [0, -1, 2500, 10_000])
def test_a_rate_that_the_service_refuses_is_refused_with_the_limit(rate: float):
    with pytest.raises(SettingsError, match=r"2,500"):
        Pace(rate)
