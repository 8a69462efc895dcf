"""Setup for every test: no telemetry of ONNX Runtime, and AWS credentials that are not valid."""

import os

# Before any test imports ONNX Runtime: some do so directly.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
# With Node 20, the CDK's runtime prints eleven lines about its end of life at every start.
os.environ.setdefault("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "20")

import signal

import pytest

# A shell starts background jobs with SIGINT ignored, and processes inherit that. The tests interrupt processes with it.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options that make a usual run of seconds into a full one of minutes."""
    parser.addoption("--prune-rounds", type=int, default=40, help="rounds of publishing beside pruning; 500 to be sure")
    parser.addoption("--all-regions", action="store_true", help="check the template of every region of AWS")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests of the real toolkit unless `-m` names them.

    Not by a `-m` in pyproject.toml: another on the command line, such as `-m "not slow"`, would take its place.
    """
    if "toolkit" in config.getoption("markexpr"):
        return
    left_out = [item for item in items if item.get_closest_marker("toolkit")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


@pytest.fixture(autouse=True)
def aws_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set invalid credentials: a mock without some operation forwards the call to AWS, which must then refuse it."""
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_REGION", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
