"""Acknowledge findings of cdk-nag. Each call names the rule and the reason, beside the code that causes the finding."""

from aws_cdk import Acknowledgment, CfnElement, Stack, Validations
from constructs import Construct


def acknowledge(scope: Construct, rule: str, reason: str) -> None:
    """Accept a finding of the AwsSolutions pack on a construct and its children.

    Args:
        rule: the rule without the name of its pack, such as `S1`; `IAM5[Resource::*]` for one of several findings.
        reason: why the finding is acceptable.
    """
    Validations.of(scope).acknowledge(Acknowledgment(id=f"AwsSolutions-{rule}", reason=reason))


def logical_id(construct: Construct) -> str:
    """The name of a resource in a finding.

    Raises:
        TypeError: the construct has no single CloudFormation resource.
    """
    resource = construct.node.default_child
    if not isinstance(resource, CfnElement):
        raise TypeError(f"{construct.node.path} has no CloudFormation resource, so it has no logical id")
    return Stack.of(construct).get_logical_id(resource)


def arn(service: str, resource: str) -> str:
    """The text of an ARN of this account and region in a finding."""
    return f"arn:<AWS::Partition>:{service}:<AWS::Region>:<AWS::AccountId>:{resource}"
