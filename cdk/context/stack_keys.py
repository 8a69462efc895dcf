"""Context keys: the stack itself."""

from dataclasses import dataclass

from cdk.context.rules import (
    BOOLEAN,
    key,
    matching,
)


@dataclass(frozen=True)
class StackKeys:
    """The stack itself."""

    stack_name: str = key(
        "Lookalike",
        matching(r"[A-Za-z][A-Za-z0-9-]{0,63}", "1 to 64 letters, digits and hyphens, a letter first"),
        "name of the CloudFormation stack; stacks with different names are independent",
    )
    region: str | None = key(
        None,
        matching(r"[a-z]{2,4}(-[a-z]+)+-\d", "a region such as eu-west-1"),
        "region that the template is made for; unset: the one that the AWS CLI is signed in to, or us-east-1",
    )
    nag: bool = key(False, BOOLEAN, "check the stack with cdk-nag's AwsSolutions rules while it is synthesised")
