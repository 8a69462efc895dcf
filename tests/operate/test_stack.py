"""Against moto's CloudFormation and SQS. moto runs functions in Docker only, so calls of the promoter are recorded."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from operate.stack import DeployedStack, StackError, call_promoter, find_stack, retry

TEMPLATE = {
    "Resources": {"Letters": {"Type": "AWS::SQS::Queue"}},
    "Outputs": {
        "BucketName": {"Value": "shop"},
        "PromoterName": {"Value": "promoter"},
        "DeadLetterQueueUrl": {"Value": {"Ref": "Letters"}},
    },
}


@dataclass
class Functions:
    """Records the calls; refuses them after `limit`."""

    limit: int = 1000
    events: list[dict[str, Any]] = field(default_factory=list)

    def invoke(self, FunctionName: str, InvocationType: str, Payload: bytes) -> None:  # noqa: N803
        assert (FunctionName, InvocationType) == ("promoter", "Event")
        if len(self.events) >= self.limit:
            raise ClientError({"Error": {"Code": "TooManyRequestsException", "Message": "slow down"}}, "Invoke")
        self.events.append(json.loads(Payload))


@pytest.fixture
def stack() -> Iterator[DeployedStack]:
    with mock_aws():
        cloudformation = boto3.client("cloudformation")
        cloudformation.create_stack(StackName="Lookalike", TemplateBody=json.dumps(TEMPLATE))
        yield find_stack(cloudformation, "Lookalike", "shop")


def dropped(key: str, bucket: str = "shop") -> dict[str, Any]:
    return {"detail-type": "Object Created", "detail": {"bucket": {"name": bucket}, "object": {"key": key}}}


def letters(stack: DeployedStack) -> list[str]:
    """The messages of the queue, also those that are hidden for a while."""
    attributes = boto3.client("sqs").get_queue_attributes(QueueUrl=stack.dead_letters, AttributeNames=["All"])
    counts = attributes["Attributes"]
    return ["x"] * (int(counts["ApproximateNumberOfMessages"]) + int(counts["ApproximateNumberOfMessagesNotVisible"]))


def send(stack: DeployedStack, *bodies: object) -> None:
    queue = boto3.client("sqs")
    for body in bodies:
        queue.send_message(QueueUrl=stack.dead_letters, MessageBody=body if isinstance(body, str) else json.dumps(body))


def test_dead_letters_of_eventbridge_and_of_lambda_are_sent_again_and_deleted(stack: DeployedStack):
    by_eventbridge = [dropped(f"drops/{number}.tar") for number in range(12)]
    of_lambda = {"requestPayload": dropped("drops/late.tar"), "requestContext": {"condition": "RetriesExhausted"}}
    send(stack, *by_eventbridge, of_lambda)
    functions = Functions()
    done = retry(boto3.client("sqs"), functions, stack)
    assert sorted(done.keys) == sorted([f"drops/{number}.tar" for number in range(12)] + ["drops/late.tar"])
    assert sorted(map(str, functions.events)) == sorted(map(str, [*by_eventbridge, dropped("drops/late.tar")]))
    assert (done.left, letters(stack)) == ((), [])


def test_what_is_no_event_of_the_bucket_stays_in_the_queue(stack: DeployedStack):
    send(stack, "no JSON", "[1]", {"detail": None}, dropped("drops/a.tar", bucket="another"), dropped("drops/b.tar"))
    functions = Functions()
    done = retry(boto3.client("sqs"), functions, stack)
    assert done.keys == ("drops/b.tar",)
    assert len(done.left) == len(letters(stack)) == 4
    assert all("stays in the queue" in line for line in done.left)


def test_events_that_lambda_refuses_stay_in_the_queue(stack: DeployedStack):
    send(stack, *(dropped(f"drops/{number}.tar") for number in range(3)))
    with pytest.raises(StackError, match=r"function promoter: .*slow down"):
        retry(boto3.client("sqs"), Functions(limit=1), stack)
    assert len(letters(stack)) == 2


def test_the_promoter_gets_an_event_as_from_s3(stack: DeployedStack):
    functions = Functions()
    call_promoter(functions, stack, "drops/a.tar")
    (event,) = functions.events
    assert event["detail"] == dropped("drops/a.tar")["detail"]


def test_a_stack_that_is_missing_or_of_another_bucket_is_named(stack: DeployedStack):
    cloudformation = boto3.client("cloudformation")
    with pytest.raises(StackError, match=r"stack Staging: .*does not exist"):
        find_stack(cloudformation, "Staging", "shop")
    with pytest.raises(StackError, match="stack Lookalike has bucket shop, not other; name the stack with --stack"):
        find_stack(cloudformation, "Lookalike", "other")
    old = TEMPLATE | {"Outputs": {"BucketName": {"Value": "shop"}}}
    cloudformation.create_stack(StackName="Old", TemplateBody=json.dumps(old))
    with pytest.raises(StackError, match="stack Old has no output 'PromoterName'; deploy it again"):
        find_stack(cloudformation, "Old", "shop")
