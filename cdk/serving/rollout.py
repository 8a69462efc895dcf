"""Versions and aliases: how a new version of a function starts to get events."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_codedeploy as codedeploy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from cdk import nag
from cdk.context.config import Config
from cdk.log_group import log_group
from cdk.permissions import function_role

ALIAS = "live"
ALL = 100
# How busy the warm instances may be before more are started: the value that AWS's guide to Lambda uses.
_UTILISATION = 0.7
_CHECK = Path(__file__).with_name("check")
# CodeDeploy waits for an hour for a check that was cut off, so this one has time for its slowest way to fail.
_CHECK_TIMEOUT = Duration.minutes(15)


def versions() -> lambda_.VersionOptions:
    """Old versions are kept, so that the alias can be moved back by hand. A version costs nothing.

    The version of a deployment that went back is not kept: Lambda would refuse to publish the same code again ("Version
    already exists"), and so a second try of the same deployment would fail.
    """
    return lambda_.VersionOptions(removal_policy=RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE)


def live_alias(function: lambda_.Function, config: Config | None = None) -> lambda_.Alias:
    """The alias that events are sent to. With `config`, the version's warm instances are those of the API.

    A deployment publishes a version whenever the image or the settings have changed, and moves the alias to it.
    """
    warm = config.provisioned_concurrency if config else None
    alias = lambda_.Alias(
        function,
        "Live",
        alias_name=ALIAS,
        version=function.current_version,
        provisioned_concurrent_executions=warm,
    )
    if config and warm is not None and config.provisioned_maximum is not None:
        scaling = alias.add_auto_scaling(min_capacity=warm, max_capacity=config.provisioned_maximum)
        scaling.scale_on_utilization(utilization_target=_UTILISATION)
    return alias


def errors_of_the_newest(function: lambda_.Function) -> cloudwatch.Metric:
    """Failed invocations of the newest version alone: a tenth of the requests is little beside all."""
    return function.metric_errors(
        period=Duration.minutes(1),
        statistic="sum",
        dimensions_map={
            "FunctionName": function.function_name,
            "Resource": f"{function.function_name}:{ALIAS}",
            "ExecutedVersion": function.current_version.version,
        },
    )


class Rollout(Construct):
    """CodeDeploy moves the API's alias: first a share of the requests, then all, or back.

    The promoter needs none: its events are tried again, and each drop is tried before it is live.

    Attributes:
        group: the deployment group.
        check: the function that tries a new version before it gets requests.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        config: Config,
        function: lambda_.Function,
        alias: lambda_.Alias,
        alarms: Sequence[cloudwatch.Alarm],
        headers: Mapping[str, str],
    ) -> None:
        """Make the deployment group.

        Args:
            alarms: each of them rolls the deployment back. With `canaryPercent=100` none does: nothing is left to wait
                for, and a fix must be deployable while an alarm is on.
            headers: what requests must carry for the API to answer them.
        """
        super().__init__(scope, id)
        self.check = self._check(config, function, headers)
        at_once = config.canary_percent == ALL
        self.group = codedeploy.LambdaDeploymentGroup(
            self,
            "Group",
            alias=alias,
            deployment_config=codedeploy.LambdaDeploymentConfig.ALL_AT_ONCE if at_once else self._canary(config),
            alarms=[] if at_once else list(alarms),
            auto_rollback=codedeploy.AutoRollbackConfig(
                failed_deployment=True, stopped_deployment=True, deployment_in_alarm=not at_once
            ),
            pre_hook=self.check,
        )
        # A change of the alias starts a deployment, so what that needs must be there before.
        alias.node.default_child.add_resource_dependency(self.check.node.default_child)  # type: ignore[union-attr]
        alias.node.default_child.add_resource_dependency(self.group.node.default_child)  # type: ignore[union-attr]
        # The role of the group has a policy to call the check, which neither of the two waits for.
        alias.node.default_child.node.add_dependency(self.group.role)  # type: ignore[union-attr]
        nag.acknowledge(
            self.group,
            "IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AWSCodeDeployRoleForLambdaLimited]",
            "AWS's own policy for CodeDeploy with Lambda; it follows CodeDeploy's needs.",
        )
        nag.acknowledge(
            self.group,
            f"IAM5[Resource::<{nag.logical_id(self.check)}.Arn>:*]",
            "Versions of the check; the CDK grants the call of a function with them.",
        )

    def _canary(self, config: Config) -> codedeploy.ILambdaDeploymentConfig:
        return codedeploy.LambdaDeploymentConfig(
            self,
            "Canary",
            traffic_routing=codedeploy.TimeBasedCanaryTrafficRouting(
                interval=Duration.minutes(config.canary_minutes), percentage=config.canary_percent
            ),
        )

    def _check(self, config: Config, function: lambda_.Function, headers: Mapping[str, str]) -> lambda_.Function:
        logs = log_group(self, "CheckLogs", config.log_retention_days)
        role = function_role(self, "CheckRole", logs)
        new, live = function.current_version.function_arn, f"{function.function_arn}:{ALIAS}"
        role.add_to_policy(
            iam.PolicyStatement(
                sid="CallVersions", actions=["lambda:InvokeFunction"], resources=[f"{function.function_arn}:*"]
            )
        )
        nag.acknowledge(
            role,
            f"IAM5[Resource::<{nag.logical_id(function)}.Arn>:*]",
            "Versions of this one function; their numbers are not known in advance.",
        )
        return lambda_.Function(
            self,
            "Check",
            runtime=lambda_.Runtime.PYTHON_3_14,
            code=lambda_.Code.from_asset(str(_CHECK), exclude=["__init__.py", "__pycache__"]),
            handler="index.handler",
            role=role,
            log_group=logs,
            timeout=_CHECK_TIMEOUT,
            memory_size=256,
            tracing=lambda_.Tracing.ACTIVE,
            description="Tries a new version of the API before it gets requests",
            environment={"NEW_VERSION": new, "LIVE_VERSION": live, "HEADERS": json.dumps(dict(headers))},
        )
