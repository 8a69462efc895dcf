"""Starts a retraining again and again: a schedule of EventBridge Scheduler that starts the training flow."""

from aws_cdk import Aws, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

_SERVICE = "scheduler.amazonaws.com"
RETRIES = 3
MAX_AGE_SECONDS = 3600


class Retraining(Construct):
    """The schedule, in a group of its own, because the metrics of EventBridge Scheduler are counted by group.

    Attributes:
        dropped: the metric of runs that could not be started.
    """

    def __init__(self, scope: Construct, id: str, *, when: str, dataset: str, machine: sfn.StateMachine) -> None:
        """Make the schedule.

        Args:
            when: `rate(...)` or `cron(...)`, in UTC.
            dataset: name of the data set; `cdk/training/retraining.py` says what is read for it.
        """
        super().__init__(scope, id)
        name = f"{Stack.of(self).stack_name[:48]}-retraining"
        group = scheduler.CfnScheduleGroup(self, "Group", name=name)
        role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal(
                _SERVICE,
                conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID, "aws:SourceArn": group.attr_arn}},
            ),
        )
        start = iam.PolicyStatement(
            sid="Start", actions=["states:StartExecution"], resources=[machine.state_machine_arn]
        )
        policy = iam.Policy(self, "Policy", roles=[role], statements=[start])
        schedule = scheduler.CfnSchedule(
            self,
            "Schedule",
            description=f"Trains {dataset} again",
            group_name=group.ref,
            schedule_expression=when,
            schedule_expression_timezone="UTC",
            flexible_time_window=scheduler.CfnSchedule.FlexibleTimeWindowProperty(mode="OFF"),
            target=scheduler.CfnSchedule.TargetProperty(
                # Not Step Functions' own target: that one cannot name the execution, and its names are too long for
                # the name of a job.
                arn=f"arn:{Aws.PARTITION}:scheduler:::aws-sdk:sfn:startExecution",
                role_arn=role.role_arn,
                input=Stack.of(self).to_json_string(
                    {
                        "StateMachineArn": machine.state_machine_arn,
                        "Name": "retraining-<aws.scheduler.execution-id>",
                        "Input": f'{{"dataset": "{dataset}"}}',
                    }
                ),
                retry_policy=scheduler.CfnSchedule.RetryPolicyProperty(
                    maximum_retry_attempts=RETRIES, maximum_event_age_in_seconds=MAX_AGE_SECONDS
                ),
            ),
        )
        schedule.node.add_dependency(policy)
        self.dropped = cloudwatch.Metric(
            namespace="AWS/Scheduler",
            metric_name="InvocationDroppedCount",
            dimensions_map={"ScheduleGroup": name},
            statistic="sum",
        )
