"""Runs the checks of all routes, one after the other, and measures each."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from lambda_app.recommendation.live import NOTHING_PROMOTED
from operate.smoke.messages import Answer, CheckFailedError, Send
from operate.smoke.steps import STEPS, Seen, Step

HEALTH, READY = "GET /healthcheck", "GET /readyz"
# /readyz itself waits 20 s for a release to load; API Gateway ends a request after 30 s.
READY_TRIES, READY_PAUSE = 6, 5.0


@dataclass(frozen=True)
class Outcome:
    """What one check found.

    Attributes:
        note: what the answer said, or why the check failed; for people.
        milliseconds: until the answer was there; None if nothing was asked.
    """

    route: str
    passed: bool
    note: str
    milliseconds: float | None


def run_checks(
    send: Send,
    *,
    allow_empty: bool,
    only_open: bool = False,
    pause: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.perf_counter,
) -> Iterator[Outcome]:
    """Check each route in turn; an outcome for each. Whoever asks for no more outcomes ends the checks.

    If the service is not healthy, nothing else is asked; if no release is live, no route that needs one.

    Args:
        allow_empty: whether a service without a release passes.
        only_open: ask only the routes that need no credentials.
        pause: waits this many seconds before another try of /readyz.
    """
    seen, live = Seen(), True
    for step in STEPS:
        if (only_open and not step.is_open) or (step.needs_release and not live):
            continue
        outcome, empty = _run(step, seen, send, clock)
        for _ in range(READY_TRIES - 1):
            if step.route != READY or outcome.passed or empty or not _may_pass_later(outcome):
                break
            pause(READY_PAUSE)
            outcome, empty = _run(step, seen, send, clock)
        if empty:
            outcome = Outcome(step.route, allow_empty, "no release yet", outcome.milliseconds)
        yield outcome
        if step.route == HEALTH and not outcome.passed:
            return
        if step.route == READY and (empty or not outcome.passed):
            live = False


def _run(step: Step, seen: Seen, send: Send, clock: Callable[[], float]) -> tuple[Outcome, bool]:
    """The outcome of a step, and whether the answer says that nothing was ever promoted."""
    begun, taken = clock(), None
    if ("{image_id}" in step.route and not seen.image_id) or ("{name}" in step.route and not seen.static):
        return Outcome(step.route, False, "not asked: no earlier answer names one", None), False
    try:
        answer = send(step.ask(seen))
        taken = (clock() - begun) * 1000
        if answer.status not in step.statuses:
            return Outcome(step.route, False, answer.reason(), taken), _is_empty(answer)
        return Outcome(step.route, True, step.judge(answer, seen), taken), False
    except CheckFailedError as exc:
        return Outcome(step.route, False, str(exc), taken), False
    except (AttributeError, KeyError, TypeError, ValueError) as exc:  # an answer of another shape
        return Outcome(step.route, False, f"the answer is not as described: {exc!r}", taken), False


def _is_empty(answer: Answer) -> bool:
    return answer.status == 503 and NOTHING_PROMOTED in answer.reason()


def _may_pass_later(outcome: Outcome) -> bool:
    """Whether a release may still be loading: the answer was 503."""
    return outcome.note.startswith("503")
