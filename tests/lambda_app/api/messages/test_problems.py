import inspect

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from lambda_app import errors
from lambda_app.api.messages.problems import STATUS, handle_errors, problem, problem_of

RAISED_TO_REQUESTS: list[type[Exception]] = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, errors.LookalikeError)
    # No request builds an index or loads a release itself.
    and not issubclass(kind, errors.SettingsError | errors.IndexBuildError)
    and (kind is errors.OverdueError or not issubclass(kind, errors.ReleaseError))
]


@pytest.fixture(scope="module")
def broken() -> TestClient:
    """An application each of whose routes raises one class of error."""
    app = FastAPI()
    handle_errors(app)

    def raising(kind: type[Exception]):
        async def route(number: int = 0) -> None:
            raise kind(f"what went wrong, {number}")

        return route

    for kind in RAISED_TO_REQUESTS:
        app.add_api_route(f"/{kind.__name__}", raising(kind))
    return TestClient(app)


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("RequestError", 400),
        ("UnknownItemError", 404),
        ("BusyError", 503),
        ("RequestTimeoutError", 408),
        ("RequestTooLargeError", 413),
        ("PhotoTooLargeError", 413),
        ("UnsupportedPhotoError", 415),
        ("UndecodablePhotoError", 422),
        ("QueryError", 422),
        ("NotSupportedError", 501),
        ("NotLiveError", 503),
        ("OverdueError", 503),
        ("StoreError", 503),
        ("MissingObjectError", 404),
    ],
)
def test_each_error_has_its_status(broken: TestClient, name: str, status: int):
    answer = broken.get(f"/{name}")
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == {**problem(status, "what went wrong, 0"), "instance": f"/{name}"}
    assert ("retry-after" in answer.headers) == (status == 503)


def test_every_error_that_a_request_may_meet_is_in_the_table():
    abstract = {errors.LookalikeError, errors.PhotoError}
    unlisted = [kind for kind in RAISED_TO_REQUESTS if not any(parent in STATUS for parent in kind.__mro__)]
    assert set(unlisted) == abstract


def test_an_error_outside_the_table_is_the_services_own():
    assert problem_of(errors.LookalikeError("unforeseen"))["status"] == 500


def test_routing_and_validation_answer_problems(broken: TestClient):
    lost = broken.get("/no%20where")
    assert (lost.status_code, lost.json()["detail"]) == (404, "nothing found at GET /no where")
    assert lost.json()["instance"] == "/no%20where"
    wrong = broken.post("/QueryError")
    assert (wrong.status_code, wrong.json()["detail"]) == (405, "/QueryError does not allow POST; it takes GET")
    assert wrong.headers["allow"] == "GET"
    bad = broken.get("/QueryError?number=x")
    assert bad.status_code == 422
    assert bad.json()["detail"].startswith("number is 'x': ")
    assert {answer.headers["content-type"] for answer in (lost, wrong, bad)} == {"application/problem+json"}


def test_a_host_that_does_not_parse_is_no_trouble(broken: TestClient):
    assert broken.get("/nowhere", headers={"Host": "[not an address"}).status_code == 404
