"""A deployed stack: its outputs, its promoter and the queue of events that the promoter could not handle.

Each function gets the boto3 clients that it needs as parameters.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from lambda_app.errors import LookalikeError

# What SQS gives out at once, and how long it then hides it from others: enough for one request each.
_BATCH = 10
_HIDDEN_SECONDS = 120


class StackError(LookalikeError):
    """The stack is not there, is not Lookalike's, or AWS refused a request; the message names it."""


@dataclass(frozen=True)
class DeployedStack:
    """What the commands need of a stack.

    Attributes:
        bucket: name of the store's bucket.
        promoter: name of the function that promotes drops.
        dead_letters: URL of the queue of events that it could not handle.
    """

    bucket: str
    promoter: str
    dead_letters: str


@dataclass(frozen=True)
class Retried:
    """What became of the events in the queue.

    Attributes:
        keys: keys of the drops that were sent to the promoter again.
        left: why a message stays in the queue, one line for each.
    """

    keys: tuple[str, ...]
    left: tuple[str, ...]


def find_stack(cloudformation: Any, name: str, bucket: str) -> DeployedStack:
    """Read the outputs of the stack that owns a bucket.

    Raises:
        StackError: no such stack in this account and region, it lacks an output, or it has another bucket.
    """
    with _aws(f"stack {name}"):
        found = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", ())}
    try:
        stack = DeployedStack(outputs["BucketName"], outputs["PromoterName"], outputs["DeadLetterQueueUrl"])
    except KeyError as exc:
        raise StackError(f"stack {name} has no output {exc}; deploy it again, or name another with --stack") from exc
    if stack.bucket != bucket:
        raise StackError(f"stack {name} has bucket {stack.bucket}, not {bucket}; name the stack with --stack")
    return stack


def call_promoter(functions: Any, stack: DeployedStack, key: str) -> None:
    """Ask the promoter to take a drop, as S3's event would. It does nothing if it has taken the drop already.

    Raises:
        StackError: Lambda refused the call.
    """
    detail = {"bucket": {"name": stack.bucket}, "object": {"key": key}}
    _invoke(functions, stack, {"source": "lookalike", "detail-type": "Object Created", "detail": detail})


def retry(queue: Any, functions: Any, stack: DeployedStack) -> Retried:
    """Send the events in the dead-letter queue to the promoter again, and delete each from the queue after that.

    An event that fails again comes back to the queue. A message that is no event of this stack's bucket stays in it.

    Raises:
        StackError: SQS or Lambda refused a request; the events that were not sent stay in the queue.
    """
    keys: list[str] = []
    left: dict[str, str] = {}
    while True:
        with _aws(stack.dead_letters):
            answer = queue.receive_message(
                QueueUrl=stack.dead_letters, MaxNumberOfMessages=_BATCH, VisibilityTimeout=_HIDDEN_SECONDS
            )
        messages = [one for one in answer.get("Messages", ()) if one["MessageId"] not in left]
        if not messages:
            return Retried(tuple(keys), tuple(left.values()))
        for message in messages:
            try:
                event = _event(message["Body"])
                key = _key(event, stack)
            except (ValueError, TypeError, KeyError) as exc:
                left[message["MessageId"]] = f"message {message['MessageId']} stays in the queue: {exc}"
                continue
            _invoke(functions, stack, event)
            with _aws(stack.dead_letters):
                queue.delete_message(QueueUrl=stack.dead_letters, ReceiptHandle=message["ReceiptHandle"])
            keys.append(key)


def _event(body: str) -> dict[str, Any]:
    """The event of a message: EventBridge sends the event itself, Lambda a record with the event in it."""
    record = json.loads(body)
    event = record.get("requestPayload", record) if isinstance(record, dict) else record
    if not isinstance(event, dict):
        raise ValueError("it holds no event")
    return event


def _key(event: dict[str, Any], stack: DeployedStack) -> str:
    detail = event.get("detail") or {}
    bucket, key = detail.get("bucket", {}).get("name"), detail.get("object", {}).get("key")
    if bucket != stack.bucket or not isinstance(key, str):
        raise ValueError(f"it is no event of bucket {stack.bucket}")
    return key


def _invoke(functions: Any, stack: DeployedStack, event: dict[str, Any]) -> None:
    with _aws(f"function {stack.promoter}"):
        functions.invoke(FunctionName=stack.promoter, InvocationType="Event", Payload=json.dumps(event).encode())


@contextmanager
def _aws(what: str) -> Iterator[None]:
    try:
        yield
    except (BotoCoreError, ClientError) as exc:
        raise StackError(f"{what}: {exc}") from exc
