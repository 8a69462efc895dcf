"""The function against moto's IAM. moto's API Gateway cannot change a stage, so botocore's stub checks that call."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from cdk.watching import limiter

ENVIRON = {"API": "abc123", "RATE": "20", "BURST": "40", "TRAINING_ROLE": "flow"}
POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "sagemaker:*", "Resource": "*"}]}
NOTICE = {"Records": [{"Sns": {"Message": "AWS Budget Notification"}}]}


@pytest.fixture
def iam() -> Iterator[Any]:
    with mock_aws():
        yield boto3.client("iam")


@pytest.fixture
def called(iam: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubber]:
    """The stub of API Gateway, with the environment and clients of the function."""
    iam.create_role(RoleName="flow", AssumeRolePolicyDocument="{}")
    policy = iam.create_policy(PolicyName="no-training", PolicyDocument=json.dumps(POLICY))["Policy"]["Arn"]
    for name, value in {**ENVIRON, "NO_TRAINING": policy}.items():
        monkeypatch.setenv(name, value)
    gateway = boto3.client("apigatewayv2")
    monkeypatch.setattr(boto3, "client", {"apigatewayv2": gateway, "iam": iam}.__getitem__)
    with Stubber(gateway) as stub:
        yield stub
        stub.assert_no_pending_responses()


def expect(stub: Stubber, rate: float, burst: int) -> None:
    settings = {"ThrottlingRateLimit": rate, "ThrottlingBurstLimit": burst}
    request = {"ApiId": "abc123", "StageName": "$default", "DefaultRouteSettings": settings}
    stub.add_response("update_stage", {"StageName": "$default"}, request)


def attached(iam: Any) -> list[str]:
    return [one["PolicyName"] for one in iam.list_attached_role_policies(RoleName="flow")["AttachedPolicies"]]


def test_a_spent_budget_limits_api_and_training_also_twice_and_one_call_restores_both(iam: Any, called: Stubber):
    for event in (NOTICE, NOTICE, {"limit": True}):
        expect(called, 1.0, 1)
        assert limiter.handler(event, None) == {"spending": "limited"}
        assert attached(iam) == ["no-training"]
    for _ in range(2):
        expect(called, 20.0, 40)
        assert limiter.handler({"restore": True}, None) == {"spending": "restored"}
        assert attached(iam) == []


@pytest.mark.parametrize("event", [{}, {"restore": "true"}, {"limit": False}])
def test_an_event_that_asks_for_nothing_changes_nothing(event: dict[str, Any], iam: Any, called: Stubber):
    with pytest.raises(ValueError, match="asks neither to limit nor to restore"):
        limiter.handler(event, None)
    assert attached(iam) == []


def test_training_is_stopped_even_if_the_api_cannot_be_throttled_and_the_failure_is_raised(iam: Any, called: Stubber):
    called.add_client_error("update_stage", "AccessDeniedException", "not allowed")
    with pytest.raises(RuntimeError, match="AccessDenied"):
        limiter.handler(NOTICE, None)
    assert attached(iam) == ["no-training"]


def test_without_training_the_api_alone_is_limited(iam: Any, called: Stubber, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("TRAINING_ROLE")
    expect(called, 1.0, 1)
    limiter.handler(NOTICE, None)
    assert attached(iam) == []
