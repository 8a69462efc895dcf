"""What happens when the budget is spent: a message of AWS Budgets calls a function that limits the API and training."""

from pathlib import Path

from aws_cdk import Aws, Duration, Stack
from aws_cdk import aws_apigatewayv2 as apigw
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from cdk import nag
from cdk.context.config import Config
from cdk.log_group import log_group
from cdk.permissions import function_role

BUDGETS = "budgets.amazonaws.com"
SOURCE = Path(__file__).with_name("limiter.py")


class Limiter(Construct):
    """The function and the topic that calls it.

    An action of AWS Budgets itself can only attach policies and stop servers, of which this stack has none.

    Attributes:
        topic: AWS Budgets publishes to it.
        function: `cdk/watching/limiter.py`. It may throttle this API, and attach one policy to one role.
    """

    def __init__(
        self, scope: Construct, id: str, *, config: Config, api: apigw.HttpApi, training: iam.IRole | None, key: kms.Key
    ) -> None:
        """Make the function.

        Args:
            training: the role that starts training jobs.
            key: encrypts the topic.
        """
        super().__init__(scope, id)
        logs = log_group(self, "Logs", config.log_retention_days)
        role = function_role(self, "Role", logs)
        environment = {"API": api.api_id, "RATE": str(config.throttle_rate), "BURST": str(config.throttle_burst)}
        role.add_to_policy(
            iam.PolicyStatement(sid="Throttle", actions=["apigateway:PATCH"], resources=[_stages(self, api)])
        )
        nag.acknowledge(
            role,
            f"IAM5[Resource::arn:<AWS::Partition>:apigateway:<AWS::Region>::/apis/<{nag.logical_id(api)}>/stages/*]",
            "The API has one stage, whose name $default may be encoded in the ARN.",
        )
        if training:
            environment |= self._stop_training(role, training)
        self.function = lambda_.Function(
            self,
            "Function",
            description="Limits what the API and training can spend, and restores them",
            # A file of the standard library and boto3: no image to build, and it works if the image does not.
            runtime=lambda_.Runtime.PYTHON_3_14,
            handler="index.handler",
            code=lambda_.Code.from_inline(SOURCE.read_text(encoding="utf-8")),
            role=role,
            log_group=logs,
            timeout=Duration.minutes(1),
            tracing=lambda_.Tracing.ACTIVE,
            environment=environment,
        )
        self.topic = self._topic(key)

    def _stop_training(self, role: iam.Role, training: iam.IRole) -> dict[str, str]:
        """Let the function attach one policy, which denies new jobs, to the role of training; its environment."""
        stop = iam.PolicyStatement(
            sid="NoNewJobs", effect=iam.Effect.DENY, actions=["sagemaker:CreateTrainingJob"], resources=["*"]
        )
        policy = iam.ManagedPolicy(self, "NoTraining", description="No new training jobs", statements=[stop])
        nag.acknowledge(policy, "IAM5[Resource::*]", "It only denies.")
        role.add_to_policy(
            iam.PolicyStatement(
                sid="StopTraining",
                actions=["iam:AttachRolePolicy", "iam:DetachRolePolicy"],
                resources=[training.role_arn],
                conditions={"ArnEquals": {"iam:PolicyARN": policy.managed_policy_arn}},
            )
        )
        return {"TRAINING_ROLE": training.role_name, "NO_TRAINING": policy.managed_policy_arn}

    def _topic(self, key: kms.Key) -> sns.Topic:
        topic = sns.Topic(self, "Topic", display_name="Lookalike budget", enforce_ssl=True, master_key=key)
        budgets = iam.ServicePrincipal(BUDGETS, conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}})
        topic.grant_publish(budgets)
        key.grant(budgets, "kms:Decrypt", "kms:GenerateDataKey*")
        topic.add_subscription(subscriptions.LambdaSubscription(self.function))
        return topic


def _stages(scope: Construct, api: apigw.HttpApi) -> str:
    return Stack.of(scope).format_arn(
        service="apigateway", account="", resource="", resource_name=f"apis/{api.api_id}/stages/*"
    )
