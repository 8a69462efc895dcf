"""A log group that keeps its entries for a number of days."""

from aws_cdk import Aws, RemovalPolicy
from aws_cdk import aws_logs as logs
from constructs import Construct


def log_group(scope: Construct, id: str, days: int, vended: str | None = None) -> logs.LogGroup:
    """Make a log group. It is deleted with the stack.

    Args:
        days: one of the numbers that CloudWatch accepts (`config.LOG_RETENTION_DAYS`).
        vended: what another service of AWS logs there; it makes the name. Each such group is a part of one resource
            policy of the account, which holds 5,120 characters. Groups under /aws/vendedlogs/ need only one line of it.
    """
    name = f"/aws/vendedlogs/lookalike/{Aws.STACK_NAME}/{vended}" if vended else None
    group = logs.LogGroup(scope, id, log_group_name=name, removal_policy=RemovalPolicy.DESTROY)
    # The L2 construct takes names such as `THIRTEEN_MONTHS`; setting the number directly avoids a table of them.
    group.node.default_child.retention_in_days = days  # type: ignore[union-attr]
    return group
