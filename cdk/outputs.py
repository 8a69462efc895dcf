"""The outputs of the stack: what people need, and what the commands of this project read."""

from dataclasses import dataclass

from aws_cdk import CfnOutput, Stack
from aws_cdk import aws_lambda as lambda_

from cdk.operators import Operators
from cdk.serving.api import Api
from cdk.serving.promotion import Promotion
from cdk.storage import Storage
from cdk.training.job import Training
from cdk.vectors import Vectors
from cdk.watching.alarms import Notices
from cdk.watching.dashboard import Dashboard


@dataclass(frozen=True)
class Deployed:
    """The parts of the stack that outputs name."""

    api: Api
    storage: Storage
    promoter: lambda_.Alias
    promotion: Promotion
    operators: Operators
    notices: Notices
    dashboard: Dashboard
    training: Training | None
    vectors: Vectors | None


def add_outputs(stack: Stack, parts: Deployed) -> None:
    """Add the outputs."""
    found = [
        ("ApiUrl", parts.api.url, "Address of the API"),
        ("BucketName", parts.storage.bucket.bucket_name, "Bucket of the store: s3://<this name>"),
        ("AccessLogsBucketName", parts.storage.access_logs.bucket_name, "Bucket of S3's access logs; kept too"),
        ("PromoterName", parts.promoter.function_name, "Function that promotes drops, with its alias"),
        ("DeadLetterQueueUrl", parts.promotion.dead_letters.queue_url, "Events that the promoter could not handle"),
        ("OperatorRoleArn", parts.operators.role.role_arn, "Role to assume to publish, roll back, prune and train"),
        ("NoticesTopicArn", parts.notices.topic.topic_arn, "Topic for alarms"),
        ("DashboardName", parts.dashboard.dashboard.dashboard_name, "Name of the CloudWatch dashboard"),
    ]
    if users := parts.api.users:
        found += [
            ("SignInUrl", users.sign_in_url, "Host of the sign-in page"),
            ("UserPoolId", users.pool.user_pool_id, "User pool of the people who may sign in; kept too"),
            ("ClientId", users.client.user_pool_client_id, "Client of the user pool that the page signs in as"),
        ]
    if parts.vectors:
        found.append(("VectorBucketName", parts.vectors.name, "Vector bucket of scripts/vectors; kept too"))
    if parts.training:
        machine = parts.training.machine.state_machine_arn
        found.append(("TrainingMachineArn", machine, "State machine that scripts/train-remote starts"))
    for name, value, description in found:
        CfnOutput(stack, name, value=value, description=description)
