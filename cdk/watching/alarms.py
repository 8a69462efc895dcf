"""Notifications for people: a topic, and the alarms that publish to it."""

from aws_cdk import Aws, Duration, RemovalPolicy
from aws_cdk import aws_apigatewayv2 as apigw
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from cdk.watching import metrics
from cdk.watching.metrics import NAMESPACE

FIVE_MINUTES = Duration.minutes(5)
OF_THE_API = ("ServerErrors", "Latency", "ApiErrors", "ApiThrottles", "NewVersionErrors", "ReloadFailures")
_CLOUDWATCH = "cloudwatch.amazonaws.com"


class Notices(Construct):
    """The encrypted topic for alarms and failed jobs.

    Attributes:
        topic: has one subscriber if an email address is given; others can be added by hand.
        key: encrypts the topic.
    """

    def __init__(self, scope: Construct, id: str, *, email: str | None) -> None:
        """Make the topic."""
        super().__init__(scope, id)
        # AWS's managed key for SNS does not allow alarms: CloudWatch needs a key with a policy that names CloudWatch.
        # Messages are not stored under it, so it goes with the stack.
        key = kms.Key(
            self,
            "Key",
            enable_key_rotation=True,
            description="Lookalike's notices",
            removal_policy=RemovalPolicy.DESTROY,
        )
        self.key = key
        self.topic = sns.Topic(self, "Topic", display_name="Lookalike", enforce_ssl=True, master_key=key)
        key.grant(iam.ServicePrincipal(_CLOUDWATCH), "kms:Decrypt", "kms:GenerateDataKey*")
        ours = {"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}}
        self.topic.grant_publish(iam.ServicePrincipal(_CLOUDWATCH, conditions=ours))
        if email is not None:
            self.topic.add_subscription(subscriptions.EmailSubscription(email))


class Alarms(Construct):
    """An alarm for everything that a person should look at. Missing traffic never raises an alarm.

    Attributes:
        alarms: all alarms.
        of_the_api: those that a bad version of the API would raise.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        topic: sns.ITopic,
        api: apigw.HttpApi,
        function: lambda_.IFunction,
        promoter: lambda_.IFunction,
        dead_letters: sqs.IQueue,
        training: sfn.StateMachine | None,
        latency_ms: int,
        newest: cloudwatch.Metric,
        not_retrained: cloudwatch.Metric | None,
        limiter: lambda_.IFunction | None,
        vectors: bool,
    ) -> None:
        """Make the alarms.

        Args:
            newest: failed invocations of the newest version of the API alone.
            latency_ms: limit of the p95 latency; an alarm after three five-minute periods above it.
            not_retrained: retrainings that their schedule could not start; None without a schedule.
            limiter: the function that limits spending; None without it.
            vectors: whether the API searches in vector indexes.
        """
        super().__init__(scope, id)
        self._action = actions.SnsAction(topic)
        self.alarms: list[cloudwatch.Alarm] = []
        self._add("ServerErrors", api.metric_server_error(period=FIVE_MINUTES), "The API answered with a 5xx", at=5)
        latency = api.metric_latency(statistic="p95", period=FIVE_MINUTES)
        self._add("Latency", latency, f"p95 of the API is over {latency_ms} ms", at=latency_ms, periods=3)
        for name, one in (("Api", function), ("Promoter", promoter)):
            self._add(f"{name}Errors", one.metric_errors(period=FIVE_MINUTES), f"{name}: an invocation failed")
            self._add(f"{name}Throttles", one.metric_throttles(period=FIVE_MINUTES), f"{name}: Lambda throttled")
        self._add("NewVersionErrors", newest, "Api: an invocation of the newest version failed")
        failures = emitted(metrics.RELOAD_FAILURES, metrics.API)
        self._add("ReloadFailures", failures, "A new release could not be loaded; the old release still answers")
        refused = emitted(metrics.REFUSED_DROPS, metrics.PROMOTER)
        self._add("RefusedDrops", refused, "A drop was refused; rejected/ in the bucket says why")
        depth = dead_letters.metric_approximate_number_of_messages_visible(period=FIVE_MINUTES, statistic="max")
        self._add("DeadLetters", depth, "An event could not be handled and waits in the dead-letter queue")
        if training:
            self._add("TrainingFailed", _unsuccessful(training), "A training job failed or ran out of time")
        if not_retrained:
            missed = not_retrained.with_(period=FIVE_MINUTES)
            self._add("RetrainingNotStarted", missed, "The schedule could not start a retraining")
        if vectors:
            throttled, failed = (
                emitted(name, metrics.API) for name in (metrics.VECTOR_SEARCH_THROTTLED, metrics.VECTOR_SEARCH_FAILED)
            )
            self._add("VectorSearchThrottled", throttled, "S3 Vectors throttled calls, which were sent again", at=20)
            self._add("VectorSearchFailed", failed, "S3 Vectors did not answer a search, which became a 503", at=5)
        if limiter:
            failed = limiter.metric_errors(period=FIVE_MINUTES)
            self._add("LimiterErrors", failed, "The budget is spent, and the API or training could not be limited")
        self.of_the_api = [alarm for alarm in self.alarms if alarm.node.id in OF_THE_API]

    def _add(self, id: str, metric: cloudwatch.IMetric, description: str, at: float = 1, periods: int = 1) -> None:
        alarm = cloudwatch.Alarm(
            self,
            id,
            metric=metric,
            alarm_description=description,
            threshold=at,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            evaluation_periods=periods,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        alarm.add_alarm_action(self._action)
        self.alarms.append(alarm)


def emitted(name: str, service: str, statistic: str = "sum") -> cloudwatch.Metric:
    """A metric that Lookalike's code writes, in this stack."""
    return cloudwatch.Metric(
        namespace=NAMESPACE,
        metric_name=name,
        dimensions_map={metrics.DIMENSION: service, metrics.STACK_DIMENSION: Aws.STACK_NAME},
        statistic=statistic,
        period=FIVE_MINUTES,
    )


def _unsuccessful(machine: sfn.StateMachine) -> cloudwatch.MathExpression:
    parts = {
        "failed": machine.metric_failed(period=FIVE_MINUTES),
        "late": machine.metric_timed_out(period=FIVE_MINUTES),
    }
    return cloudwatch.MathExpression(
        expression="FILL(failed, 0) + FILL(late, 0)", using_metrics=parts, period=FIVE_MINUTES, label="unsuccessful"
    )
