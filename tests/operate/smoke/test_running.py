from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from lambda_app.store.folder import FolderStore
from operate.smoke.messages import Answer, CheckFailedError, Request
from operate.smoke.running import READY_PAUSE, READY_TRIES, run_checks
from operate.smoke.steps import STEPS
from tests.operate.smoke.conftest import application, sender, stored


@pytest.fixture
def empty(tmp_path) -> Iterator[TestClient]:
    """An application whose store has no release."""
    with application(FolderStore(tmp_path)) as client:
        yield client


class Loading:
    """A service whose release is loaded only at some try of /readyz."""

    def __init__(self, send, tries: int, status: int = 503) -> None:
        self.send, self.left, self.status = send, tries, status
        self.pauses: list[float] = []

    def __call__(self, request: Request) -> Answer:
        if request.path == "/readyz" and self.left:
            self.left -= 1
            return Answer(self.status, {}, b'{"detail": "release r-1 is loading"}')
        return self.send(request)


@pytest.mark.parametrize("allowed", [True, False])
def test_a_store_without_a_release_is_no_fault_only_where_that_is_allowed(empty, allowed):
    pauses: list[float] = []
    outcomes = {one.route: one for one in run_checks(sender(empty), allow_empty=allowed, pause=pauses.append)}
    ready = outcomes["GET /readyz"]
    assert (ready.passed, ready.note) == (allowed, "no release yet")
    assert [one.note for one in outcomes.values() if not one.passed and one != ready] == []
    # What needs no release is still checked, and nothing waits for one.
    assert set(outcomes) == {step.route for step in STEPS if not step.needs_release}
    assert pauses == []


def test_a_release_that_is_loading_is_waited_for(send):
    service = Loading(send, tries=2)
    outcomes = list(run_checks(service, allow_empty=False, pause=service.pauses.append))
    assert all(one.passed for one in outcomes)
    assert (service.pauses, len(outcomes)) == ([READY_PAUSE] * 2, len(STEPS))


def test_a_release_that_does_not_load_fails_although_an_empty_store_would_pass(send):
    service = Loading(send, tries=100)
    outcomes = {one.route: one for one in run_checks(service, allow_empty=True, pause=service.pauses.append)}
    assert outcomes["GET /readyz"].note == "503 release r-1 is loading"
    assert "POST /predict" not in outcomes
    assert len(service.pauses) == READY_TRIES - 1


def test_a_store_whose_live_release_is_damaged_is_not_taken_for_an_empty_one(tmp_path):
    store = stored(tmp_path)
    (release,) = (path.name for path in (store.root / "releases").iterdir())
    store.delete(f"releases/{release}/manifest.json")
    pauses: list[float] = []
    with application(store, ready_wait_seconds=0.1) as client:
        outcomes = {one.route: one for one in run_checks(sender(client), allow_empty=True, pause=pauses.append)}
    assert not outcomes["GET /readyz"].passed
    assert outcomes["GET /readyz"].note.startswith("503 ")
    assert len(pauses) == READY_TRIES - 1


def test_a_refusal_is_not_tried_again(send):
    service = Loading(send, tries=100, status=403)
    outcomes = {one.route: one for one in run_checks(service, allow_empty=True, pause=service.pauses.append)}
    assert not outcomes["GET /readyz"].passed
    assert service.pauses == []


def test_nothing_more_is_asked_of_a_service_that_does_not_answer():
    def silent(request: Request) -> Answer:
        raise CheckFailedError("nobody there")

    (outcome,) = run_checks(silent, allow_empty=True)
    assert (outcome.passed, outcome.note, outcome.milliseconds) == (False, "nobody there", None)


def test_only_open_asks_nothing_that_needs_credentials(send):
    asked: list[str] = []

    def recording(request: Request) -> Answer:
        asked.append(request.path)
        return send(request)

    outcomes = list(run_checks(recording, allow_empty=False, only_open=True))
    assert all(one.passed for one in outcomes)
    assert {one.route for one in outcomes} == {step.route for step in STEPS if step.is_open}
    assert not any(path.startswith(("/predict", "/readyz", "/release", "/items")) for path in asked)


def test_the_time_of_an_answer_is_measured(send):
    ticks = iter(range(1000))
    first = next(run_checks(send, allow_empty=False, clock=lambda: next(ticks)))
    assert first.milliseconds == 1000
