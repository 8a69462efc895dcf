"""Setup for every test: no telemetry of ONNX Runtime, one thread of OpenMP, and AWS credentials that are not valid."""

import os

# Before any test imports ONNX Runtime: some do so directly.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
# Two processes run the tests, and networks and indexes of tests are tiny: more threads would only wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# With Node 20, the CDK's runtime prints eleven lines about its end of life at every start.
os.environ.setdefault("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "20")

import gc
import signal
import sys
from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.order import in_order
from tests.tracing import end_measurement, is_measured

if TYPE_CHECKING:
    from tests.s3vectors.server import S3VectorsServer
    from tests.warm_trials import WarmTrials

# A shell starts background jobs with SIGINT ignored, and processes inherit that. The tests interrupt processes with it.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options that make a usual run of seconds into a full one of minutes."""
    parser.addoption("--prune-rounds", type=int, default=12, help="rounds of publishing beside pruning; 500 to be sure")
    parser.addoption("--all-regions", action="store_true", help="check every region of AWS")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests of the real toolkit unless `-m` names them, and sort the rest (`tests/order.py`).

    Not by a `-m` in pyproject.toml: another on the command line, such as `-m "not slow"`, would take its place.
    """
    left_out = [item for item in items if item.get_closest_marker("toolkit")]
    if left_out and "toolkit" not in config.getoption("markexpr"):
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
    in_order(items)


def pytest_collection_finish() -> None:
    """Let the garbage collector skip what is imported by now: going through it again and again takes minutes in all."""
    gc.collect()
    gc.freeze()


def pytest_sessionfinish() -> None:
    """Undo that: at its end, a library reports objects which are still there as leaks."""
    gc.unfreeze()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> None:
    """End the measurement of coverage before the first test that does not count for it."""
    if not is_measured(item):
        end_measurement()


@pytest.fixture(autouse=True)
def aws_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set invalid credentials: a mock without some operation forwards the call to AWS, which must then refuse it."""
    endpoints = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_S3VECTORS")
    for name in ("AWS_PROFILE", *endpoints, "AWS_REGION", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture(scope="session")
def warm_trials() -> Iterator["WarmTrials"]:
    """Starts trials of releases quickly."""
    from tests.warm_trials import WarmTrials  # not at the top: it imports the packages of serving

    with closing(WarmTrials()) as trials:
        yield trials


@pytest.fixture(autouse=True)
def quick_trials(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let promotions fork the process that tries a release, unless the test is marked `cold_trials`."""
    trial = sys.modules.get("lambda_app.promotion.trial")
    if trial and not request.node.get_closest_marker("cold_trials"):
        monkeypatch.setattr(trial, "subprocess", request.getfixturevalue("warm_trials"))


@pytest.fixture(scope="session")
def started_s3vectors() -> Iterator["S3VectorsServer"]:
    """A server of S3 Vectors for all tests of a process."""
    from tests.s3vectors.server import S3VectorsServer  # not at the top: few tests need moto

    with closing(S3VectorsServer()) as server:
        yield server


@pytest.fixture
def s3vectors(started_s3vectors: "S3VectorsServer") -> "S3VectorsServer":
    """The server of S3 Vectors with an empty vector bucket, and without faults."""
    started_s3vectors.reset()
    return started_s3vectors
