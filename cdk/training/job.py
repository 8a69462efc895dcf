"""Training in the cloud: the state machine, its role, and the role of the job."""

from aws_cdk import ArnFormat, Aws, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from cdk import nag, permissions
from cdk.context.config import Config
from cdk.log_group import log_group
from cdk.training.flow import JobSettings, definition

REPOSITORY = "pytorch-training"
HOUR = 3600


class Training(Construct):
    """A state machine that trains a release on a GPU and drops it into the bucket.

    Attributes:
        machine: the state machine; `cdk.training.flow` describes its input.
        log_group: every step of the state machine, with its data.
        job_role: may read datasets, weights and code, and write drops and checkpoints; it may not delete.
    """

    def __init__(
        self, scope: Construct, id: str, *, config: Config, account: str, bucket: s3.Bucket, topic: sns.ITopic
    ) -> None:
        """Make the state machine and its roles.

        Args:
            account: account of AWS's deep learning containers in this region.
            topic: gets a message for every failed job.
        """
        super().__init__(scope, id)
        self.job_role = _job_role(self, bucket, account)
        settings = JobSettings(
            partition=Aws.PARTITION,
            region=Aws.REGION,
            bucket=bucket.bucket_name,
            image=f"{account}.dkr.ecr.{Aws.REGION}.{Aws.URL_SUFFIX}/{REPOSITORY}:{config.training_image}",
            role=self.job_role.role_arn,
            topic=topic.topic_arn,
            instance=config.training_instance,
            instances=config.training_instances,
            volume_gb=config.training_volume,
            spot=config.training_spot,
            run_seconds=config.training_hours * HOUR,
            wait_seconds=max(config.training_hours, config.training_wait_hours) * HOUR,
        )
        self.log_group = log_group(self, "Logs", config.log_retention_days, vended="training")
        self.machine = sfn.StateMachine(
            self,
            "Machine",
            definition_body=sfn.DefinitionBody.from_string(Stack.of(self).to_json_string(definition(settings))),
            logs=sfn.LogOptions(
                destination=self.log_group,
                level=sfn.LogLevel.ALL,
                include_execution_data=True,
            ),
            tracing_enabled=True,
        )
        for statement in (
            *_flow_statements(Stack.of(self), self.job_role),
            *permissions.read(bucket, permissions.FLOW_READS),
        ):
            self.machine.add_to_role_policy(statement)
        permissions.acknowledge_prefixes(self.machine, bucket, *permissions.FLOW_READS)
        # A policy of its own: the machine waits for its role's first policy, so that one cannot name the machine.
        iam.Policy(
            self,
            "Look",
            roles=[self.machine.role],
            statements=[
                iam.PolicyStatement(
                    sid="Running", actions=["states:ListExecutions"], resources=[self.machine.state_machine_arn]
                )
            ],
        )
        topic.grant_publish(self.machine)
        nag.acknowledge(
            self.machine,
            "IAM5[Resource::*]",
            "Log delivery and X-Ray's write actions do not support resource restrictions.",
        )
        nag.acknowledge(
            self.machine,
            "IAM5[Action::kms:GenerateDataKey*]",
            "A group of related KMS actions, only on the topic's key.",
        )
        nag.acknowledge(
            self.machine,
            f"IAM5[Resource::{nag.arn('sagemaker', 'training-job/*')}]",
            "A job has the name of its execution, which is not known at deployment.",
        )


def _job_role(scope: Construct, bucket: s3.Bucket, account: str) -> iam.Role:
    role = iam.Role(scope, "JobRole", assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"))
    stack = Stack.of(scope)
    containers = stack.format_arn(service="ecr", account=account, resource="repository", resource_name=REPOSITORY)
    job_logs = stack.format_arn(
        service="logs",
        resource="log-group",
        resource_name="/aws/sagemaker/TrainingJobs*",
        arn_format=ArnFormat.COLON_RESOURCE_NAME,
    )
    for statement in (
        *permissions.read(bucket, permissions.TRAINING_READS),
        permissions.write(bucket, permissions.TRAINING_WRITES),
        iam.PolicyStatement(
            sid="Container",
            actions=["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
            resources=[containers],
        ),
        iam.PolicyStatement(sid="ContainerLogin", actions=["ecr:GetAuthorizationToken"], resources=["*"]),
        iam.PolicyStatement(
            sid="Logs",
            actions=["logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
            resources=[job_logs],
        ),
        iam.PolicyStatement(
            sid="Metrics",
            actions=["cloudwatch:PutMetricData"],
            resources=["*"],
            conditions={"StringLike": {"cloudwatch:namespace": "/aws/sagemaker/*"}},
        ),
    ):
        role.add_to_policy(statement)
    permissions.acknowledge_prefixes(role, bucket, *permissions.TRAINING_READS, *permissions.TRAINING_WRITES)
    nag.acknowledge(
        role,
        "IAM5[Resource::*]",
        "ECR's login and PutMetricData support no resources; PutMetricData is limited to a namespace.",
    )
    nag.acknowledge(
        role,
        f"IAM5[Resource::{nag.arn('logs', 'log-group:/aws/sagemaker/TrainingJobs*')}]",
        "SageMaker chooses the names of the log streams; all training jobs share this log group.",
    )
    return role


def _flow_statements(stack: Stack, job_role: iam.Role) -> list[iam.PolicyStatement]:
    """What Step Functions needs to run a job and wait for it (Step Functions guide, "SageMaker AI", IAM policies)."""
    jobs = stack.format_arn(service="sagemaker", resource="training-job", resource_name="*")
    rule = stack.format_arn(
        service="events", resource="rule", resource_name="StepFunctionsGetEventsForSageMakerTrainingJobsRule"
    )
    return [
        iam.PolicyStatement(
            sid="Jobs",
            actions=[
                "sagemaker:AddTags",
                "sagemaker:CreateTrainingJob",
                "sagemaker:DescribeTrainingJob",
                "sagemaker:StopTrainingJob",
            ],
            resources=[jobs],
        ),
        iam.PolicyStatement(
            sid="HandOverRole",
            actions=["iam:PassRole"],
            resources=[job_role.role_arn],
            conditions={"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
        ),
        iam.PolicyStatement(
            sid="Wait", actions=["events:DescribeRule", "events:PutRule", "events:PutTargets"], resources=[rule]
        ),
    ]
