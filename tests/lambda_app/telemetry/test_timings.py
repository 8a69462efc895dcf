import pytest

from lambda_app.telemetry.timings import Timings


class Clock:
    """A clock that advances only when the test sets it."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_parts_are_summed_in_milliseconds_and_listed_in_the_header():
    clock = Clock()
    timings = Timings(clock)
    for part, seconds in (("decode", 0.01), ("forward", 0.25), ("decode", 0.02)):
        with timings.measure(part):
            clock.now += seconds
    clock.now += 0.1
    assert timings.parts == pytest.approx({"decode": 30, "forward": 250})
    assert timings.total() == pytest.approx(380)
    assert timings.server_timing() == "decode;dur=30.00, forward;dur=250.00, total;dur=380.00"


def test_a_part_that_fails_is_also_measured():
    clock = Clock()
    timings = Timings(clock)

    def fail() -> None:
        with timings.measure("decode"):
            clock.now += 0.5
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        fail()
    assert timings.parts == {"decode": 500}
