"""Faults while a service starts: it says in time that it is not ready, and becomes ready after the fault by itself."""

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from benchmarks.processes.lambda_function import LambdaFunction, photo_event
from reliability.soak.faults.kinds import Fault
from reliability.soak.faults.place import Answer, BucketPlace, BuiltRelease
from reliability.soak.faults.warm import RELOAD_SECONDS, Outcome
from tests.lambda_events import get

AT_ONCE = 6
_LAMBDA_ENVIRON = {"AWS_LAMBDA_FUNCTION_NAME": "lookalike", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1769"}
_PATIENCE_SECONDS = 60.0
_PAUSE_SECONDS = 0.1


def server_case(place: BucketPlace, fault: Fault, release: BuiltRelease, ready_wait: float) -> Outcome:
    """`scripts/serve` starts during a fault; all of some requests at once must be told to come back later."""
    with ExitStack() as running, ThreadPoolExecutor(AT_ONCE) as clients:
        with fault.acting(place, release.content()):
            service = running.enter_context(place.serving(**_settings(ready_wait)))
            asks = [clients.submit(service.post, release.photo) for _ in range(AT_ONCE - 1)]
            asks.append(clients.submit(service.get, "/readyz"))
            answers = [ask.result() for ask in asks]
        return _outcome(fault.name, answers, lambda: service.get("/readyz"), release)


def lambda_case(place: BucketPlace, fault: Fault, release: BuiltRelease, ready_wait: float) -> Outcome:
    """The function starts during a fault; two events, one after the other, must be told to come back later."""
    event = json.dumps(photo_event(release.photo)).encode()
    health = json.dumps(get("/healthcheck")).encode()
    with ExitStack() as running:
        functions: list[LambdaFunction] = []

        def ask() -> Answer:
            begun = time.perf_counter()
            answer = functions[0].invoke(event)
            headers = {name.lower(): value for name, value in answer["headers"].items()}
            seconds = time.perf_counter() - begun
            return Answer(answer["statusCode"], seconds, headers["x-lookalike-release"], "retry-after" in headers)

        with fault.acting(place, release.content()):
            environ = place.environ(**_settings(ready_wait), **_LAMBDA_ENVIRON)
            functions.append(running.enter_context(LambdaFunction(environ)))
            functions[0].invoke(health)  # needs no release: afterwards, the time of the start is over
            answers = [ask(), ask()]
        return _outcome(fault.name, answers, ask, release)


def refused_rightly(answer: Answer) -> bool:
    """Whether an answer says that the service is not ready, and when to try again."""
    return answer.status == 503 and answer.retry_after


def _outcome(name: str, answers: list[Answer], ask: Callable[[], Answer], release: BuiltRelease) -> Outcome:
    """Ask until the service is ready. Whatever is neither a right refusal nor the release's answer is a failure."""
    slowest = max(answer.seconds for answer in answers)
    lifted = time.monotonic()
    recovery = float("inf")
    while time.monotonic() - lifted < _PATIENCE_SECONDS:
        answer = ask()
        if answer.status == 200 and answer.release == release.manifest.release:
            recovery = time.monotonic() - lifted
            break
        answers.append(answer)
        time.sleep(_PAUSE_SECONDS)
    return Outcome(name, len(answers), sum(not refused_rightly(answer) for answer in answers), slowest, recovery)


def _settings(ready_wait: float) -> dict[str, str]:
    return {"LOOKALIKE_RELOAD_SECONDS": str(RELOAD_SECONDS), "LOOKALIKE_READY_WAIT_SECONDS": str(ready_wait)}
