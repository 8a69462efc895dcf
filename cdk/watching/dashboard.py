"""One page of graphs: traffic, latency, search scores, releases, training."""

from aws_cdk import Duration
from aws_cdk import aws_apigatewayv2 as apigw
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from cdk.watching import metrics
from cdk.watching.alarms import FIVE_MINUTES, emitted


class Dashboard(Construct):
    """A CloudWatch dashboard.

    Attributes:
        dashboard: the states of the alarms at the top, then three graphs in each row.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        api: apigw.HttpApi,
        function: lambda_.IFunction,
        promoter: lambda_.IFunction,
        training: sfn.StateMachine | None,
        alarms: list[cloudwatch.Alarm],
        vectors: bool,
    ) -> None:
        """Make the dashboard.

        Args:
            vectors: whether the API searches in vector indexes.
        """
        super().__init__(scope, id)
        self.dashboard = cloudwatch.Dashboard(self, "Dashboard", default_interval=Duration.days(1))
        self.dashboard.add_widgets(cloudwatch.AlarmStatusWidget(title="Alarms", alarms=list(alarms), width=24))
        self.dashboard.add_widgets(
            _graph(
                "Requests in 5 minutes",
                api.metric_count(period=FIVE_MINUTES),
                api.metric_client_error(period=FIVE_MINUTES),
                api.metric_server_error(period=FIVE_MINUTES),
            ),
            _graph(
                "Answer time, ms",
                *(api.metric_latency(statistic=one, period=FIVE_MINUTES, label=one) for one in ("p50", "p95", "p99")),
            ),
            _graph(
                "Instances at once",
                function.metric("ConcurrentExecutions", statistic="max", period=FIVE_MINUTES, label="API"),
                promoter.metric("ConcurrentExecutions", statistic="max", period=FIVE_MINUTES, label="promoter"),
                emitted(metrics.COLD_START, metrics.API),
            ),
        )
        stages = (metrics.DECODE, metrics.INFERENCE, metrics.SEARCH, metrics.TOTAL)
        self.dashboard.add_widgets(
            _graph("Where the time goes, p95 ms", *(emitted(name, metrics.API, "p95") for name in stages)),
            _graph(
                "Cosine of the first result",
                *(emitted(metrics.TOP_SCORE, metrics.API, one).with_(label=one) for one in ("p10", "p50", "p90")),
            ),
            _graph(
                "Releases",
                emitted(metrics.DROPS, metrics.PROMOTER),
                emitted(metrics.REFUSED_DROPS, metrics.PROMOTER),
                emitted(metrics.RELOADS, metrics.API),
                emitted(metrics.RELOAD_FAILURES, metrics.API),
            ),
        )
        self.dashboard.add_widgets(
            _graph("Function time, p95 ms", function.metric_duration(statistic="p95"), promoter.metric_duration()),
            _graph(
                "Failed invocations", function.metric_errors(), function.metric_throttles(), promoter.metric_errors()
            ),
            *([_training(training)] if training else []),
        )
        if vectors:
            refused = (metrics.VECTOR_SEARCH_THROTTLED, metrics.VECTOR_SEARCH_FAILED)
            self.dashboard.add_widgets(
                _graph(
                    "Vector index: calls sent again, searches failed", *(emitted(one, metrics.API) for one in refused)
                ),
                _graph(
                    "Search, ms",
                    *(emitted(metrics.SEARCH, metrics.API, one).with_(label=one) for one in ("p50", "p95", "p99")),
                ),
            )


def _training(machine: sfn.StateMachine) -> cloudwatch.GraphWidget:
    return _graph("Training", machine.metric_started(), machine.metric_succeeded(), machine.metric_failed())


def _graph(title: str, *lines: cloudwatch.IMetric) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(title=title, left=list(lines), width=8)
