"""A log group that keeps its entries for a number of days."""

from aws_cdk import RemovalPolicy
from aws_cdk import aws_logs as logs
from constructs import Construct


def log_group(scope: Construct, id: str, days: int) -> logs.LogGroup:
    """Make a log group. It is deleted with the stack.

    Args:
        days: one of the numbers that CloudWatch accepts (`config.LOG_RETENTION_DAYS`).
    """
    group = logs.LogGroup(scope, id, removal_policy=RemovalPolicy.DESTROY)
    # The L2 construct takes names such as `THIRTEEN_MONTHS`; setting the number directly avoids a table of them.
    group.node.default_child.retention_in_days = days  # type: ignore[union-attr]
    return group
