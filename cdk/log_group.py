"""A log group that forgets after a number of days."""

from aws_cdk import RemovalPolicy
from aws_cdk import aws_logs as logs
from constructs import Construct


def log_group(scope: Construct, id: str, days: int) -> logs.LogGroup:
    """Make a log group; it goes with the stack.

    Args:
        days: one of the numbers that CloudWatch takes (`config.LOG_RETENTION_DAYS`).
    """
    group = logs.LogGroup(scope, id, removal_policy=RemovalPolicy.DESTROY)
    # The L2's names for these numbers (`THIRTEEN_MONTHS`) would need a table of their own.
    group.node.default_child.retention_in_days = days  # type: ignore[union-attr]
    return group
