"""Ready-made CloudWatch Logs Insights queries, in the folder of the stack. docs/operations.md says when to run which.

`lambda_app/telemetry` writes the lines of the functions, `cdk/serving/api.py` says what an access log line holds, and
Step Functions writes those of the training flow. SageMaker's own log group is shared by all jobs of the account, so no
query reads it: the flow's log has the reason of each failure.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from aws_cdk import Aws
from aws_cdk import aws_logs as logs
from constructs import Construct

ACCESS = "access"
API = "api"
PROMOTER = "promoter"
TRAINING = "training"


@dataclass(frozen=True)
class Query:
    """A query.

    Attributes:
        groups: the log groups that it reads.
        text: in the language of Logs Insights.
    """

    name: str
    groups: tuple[str, ...]
    text: str


QUERIES = (
    Query(
        "failed-requests",
        (ACCESS,),
        """fields @timestamp, status, method, path, invocation, latency_ms, integration_error
| filter status like /^5/
| sort @timestamp desc
| limit 200""",
    ),
    Query(
        "refused-requests",
        (ACCESS,),
        """filter status like /^4/
| stats count(*) as requests, latest(path) as example, latest(authorizer_error) as reason by status, route
| sort requests desc""",
    ),
    Query(
        "requests-by-route",
        (API,),
        """filter ispresent(Total)
| stats count(*) as requests, pct(Total, 50) as p50_ms, pct(Total, 95) as p95_ms by route, status
| sort requests desc""",
    ),
    Query(
        "slow-requests",
        (API,),
        """fields @timestamp, request_id, route, status, Total, Decode, Inference, Search, ColdStart
| filter ispresent(Total)
| sort Total desc
| limit 50""",
    ),
    Query(
        "cold-starts",
        (API,),
        """filter ispresent(ColdStart)
| stats sum(ColdStart) as cold, count(*) as requests, max(Total) as slowest_ms by bin(1h)""",
    ),
    # The second half finds what ends a process before it can log a line of its own: a timeout, no memory, a crash.
    Query(
        "errors",
        (API, PROMOTER),
        """fields @timestamp, service, request_id, drop, message, error, @message
| filter level = "ERROR" or ispresent(error) or @message like /Task timed out|Runtime exited|Runtime\\.\\w*Error/
| sort @timestamp desc
| limit 100""",
    ),
    Query(
        "refused-drops",
        (PROMOTER,),
        """fields @timestamp, drop, message, request_id
| filter message like /^drop refused/
| sort @timestamp desc
| limit 50""",
    ),
    Query(
        "reload-failures",
        (API,),
        """fields @timestamp, release, message, error
| filter message like /does not load/
| sort @timestamp desc
| limit 50""",
    ),
    Query(
        "vector-index",
        (API,),
        """fields @timestamp, action, index, reason, VectorSearchThrottled, VectorSearchFailed, message
| filter ispresent(VectorSearchThrottled) or ispresent(VectorSearchFailed) or logger like /s3vectors/
| sort @timestamp desc
| limit 100""",
    ),
    Query(
        "one-request",
        (ACCESS, API, PROMOTER),
        """fields @timestamp, @log, service, route, status, message, error, path, integration_error, invocation
| filter request_id = "PUT THE ID HERE" or invocation = "PUT THE ID HERE"
| sort @timestamp asc""",
    ),
    Query(
        "training-failures",
        (TRAINING,),
        """fields @timestamp, execution_arn, type, details.error, details.cause
| filter type in ["ExecutionFailed", "ExecutionTimedOut", "ExecutionAborted", "TaskFailed", "TaskTimedOut"]
| sort @timestamp desc
| limit 50""",
    ),
)


class Queries(Construct):
    """The queries, as `<stack name>/<name>` in the console of Logs Insights."""

    def __init__(self, scope: Construct, id: str, *, groups: Mapping[str, logs.ILogGroup]) -> None:
        """Make the queries.

        Args:
            groups: the log groups by the names of this module; queries of a group that the stack lacks are left out.
        """
        super().__init__(scope, id)
        for query in QUERIES:
            if all(name in groups for name in query.groups):
                logs.CfnQueryDefinition(
                    self,
                    query.name,
                    name=f"{Aws.STACK_NAME}/{query.name}",
                    query_string=query.text,
                    log_group_names=[groups[name].log_group_name for name in query.groups],
                )
