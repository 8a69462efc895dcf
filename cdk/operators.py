"""The role that people assume to publish, move and prune releases, to upload data and to train."""

from collections.abc import Sequence

from aws_cdk import ArnFormat, Duration, Stack
from aws_cdk import aws_apigatewayv2 as apigw
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from cdk import nag, permissions

# What the routes of the API take.
METHODS = ("GET", "HEAD", "POST")
# And what those that change the catalogue take besides.
CHANGING_METHODS = ("PUT", "DELETE")


class Operators(Construct):
    """The operator role, the only role that may delete objects.

    Attributes:
        role: one principal may assume it, or every principal of the account that signed in with MFA.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        principal: str | None,
        bucket: s3.Bucket,
        api: apigw.HttpApi,
        promoter: lambda_.IFunction,
        dead_letters: sqs.IQueue,
        training: sfn.StateMachine | None,
        changes: bool,
        vectors: bool,
    ) -> None:
        """Make the role.

        Args:
            principal: ARN of the principal that may assume it; None: everyone in the account with MFA. Roles of
                single sign-on or CI never carry AWS's MFA flag, so a named principal needs no MFA.
            changes: whether the API has routes that change the catalogue.
            vectors: whether operators load indexes of vectors, and so write and delete what says what these hold.
        """
        super().__init__(scope, id)
        methods = (*METHODS, *(CHANGING_METHODS if changes else ()))
        state = permissions.VECTOR_STATE if vectors else ()
        writes, deletes = (*permissions.OPERATOR_WRITES, *state), (*permissions.OPERATOR_DELETES, *state)
        self.role = iam.Role(
            self,
            "Role",
            description="Publish, promote, roll back and prune releases; upload datasets; train; call the API",
            assumed_by=_trusted(principal),
            max_session_duration=Duration.hours(12),
        )
        statements = [
            *permissions.read(bucket, permissions.OPERATOR_READS),
            permissions.write(bucket, writes),
            permissions.delete(bucket, deletes),
            *permissions.read_versions(bucket, permissions.OPERATOR_RESTORES),
            *(_training(Stack.of(self), training) if training else ()),
            iam.PolicyStatement(
                sid="Call",
                actions=["execute-api:Invoke"],
                resources=[api.arn_for_execute_api(method, "/*", "$default") for method in methods],
            ),
            # S3's first events of a new bucket may be lost; and what failed is sent again from the dead-letter queue.
            iam.PolicyStatement(
                sid="CallPromoter", actions=["lambda:InvokeFunction"], resources=[promoter.function_arn]
            ),
            iam.PolicyStatement(
                sid="RetryDeadLetters",
                actions=["sqs:DeleteMessage", "sqs:ReceiveMessage"],
                resources=[dead_letters.queue_arn],
            ),
            iam.PolicyStatement(
                sid="Outputs", actions=["cloudformation:DescribeStacks"], resources=[Stack.of(self).stack_id]
            ),
        ]
        for statement in statements:
            self.role.add_to_policy(statement)
        permissions.acknowledge_prefixes(self.role, bucket, *permissions.OPERATOR_READS, *writes, *deletes)
        self._acknowledge(api, training, methods)

    def may_call(self, function: lambda_.IFunction) -> None:
        """Let operators call a function, such as the one that limits spending and restores it."""
        statement = iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=[function.function_arn])
        self.role.add_to_policy(statement)

    def _acknowledge(self, api: apigw.HttpApi, training: sfn.StateMachine | None, methods: Sequence[str]) -> None:
        called = [nag.arn("execute-api", f"<{nag.logical_id(api)}>/$default/{method}/*") for method in methods]
        reasons = dict.fromkeys(called, "Every route of this one API.")
        if training:
            executions = nag.arn("states", f"execution:<{nag.logical_id(training)}.Name>:*")
            jobs, logs = (
                nag.arn("sagemaker", "training-job/*"),
                nag.arn("logs", "log-group:/aws/sagemaker/TrainingJobs:*"),
            )
            reasons |= {
                executions: "Only executions of this state machine; their names are not known in advance.",
                jobs: "Jobs have the names of their executions; the role may only describe them.",
                logs: "The streams of SageMaker's one log group.",
            }
        for resource, reason in reasons.items():
            nag.acknowledge(self.role, f"IAM5[Resource::{resource}]", reason)


def _trusted(principal: str | None) -> iam.IPrincipal:
    if principal is not None:
        return iam.ArnPrincipal(principal)
    return iam.AccountRootPrincipal().with_conditions({"Bool": {"aws:MultiFactorAuthPresent": "true"}})


def _training(stack: Stack, machine: sfn.StateMachine) -> list[iam.PolicyStatement]:
    """Start, follow and stop training."""
    executions = stack.format_arn(
        service="states",
        resource="execution",
        resource_name=f"{machine.state_machine_name}:*",
        arn_format=ArnFormat.COLON_RESOURCE_NAME,
    )
    jobs = stack.format_arn(service="sagemaker", resource="training-job", resource_name="*")
    job_logs = stack.format_arn(
        service="logs",
        resource="log-group",
        resource_name="/aws/sagemaker/TrainingJobs:*",
        arn_format=ArnFormat.COLON_RESOURCE_NAME,
    )
    return [
        iam.PolicyStatement(
            sid="Train",
            actions=["states:StartExecution", "states:ListExecutions"],
            resources=[machine.state_machine_arn],
        ),
        iam.PolicyStatement(
            sid="FollowTraining",
            actions=["states:DescribeExecution", "states:GetExecutionHistory", "states:StopExecution"],
            resources=[executions],
        ),
        iam.PolicyStatement(sid="Jobs", actions=["sagemaker:DescribeTrainingJob"], resources=[jobs]),
        iam.PolicyStatement(sid="JobLogs", actions=["logs:FilterLogEvents", "logs:GetLogEvents"], resources=[job_logs]),
    ]
