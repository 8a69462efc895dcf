"""Acknowledged findings of cdk-nag: each one names its rule and gives its reason where the finding is made."""

from aws_cdk import Acknowledgment, CfnElement, Stack, Validations
from constructs import Construct


def acknowledge(scope: Construct, rule: str, reason: str) -> None:
    """Accept a finding of the AwsSolutions pack on a construct and what is below it.

    Args:
        rule: without its pack, such as `S1`, or `IAM5[Resource::*]` for one finding of several.
        reason: why it stands.
    """
    Validations.of(scope).acknowledge(Acknowledgment(id=f"AwsSolutions-{rule}", reason=reason))


def logical_id(construct: Construct) -> str:
    """How a finding names a resource."""
    resource = construct.node.default_child
    if not isinstance(resource, CfnElement):
        raise TypeError(f"{construct.node.path} is no resource with an id of its own")
    return Stack.of(construct).get_logical_id(resource)


def arn(service: str, resource: str) -> str:
    """How a finding names an ARN of this account and region."""
    return f"arn:<AWS::Partition>:{service}:<AWS::Region>:<AWS::AccountId>:{resource}"
