"""From a drop in the bucket to the promoter: an EventBridge rule, retries and a dead-letter queue."""

from collections.abc import Sequence

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_destinations as destinations
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from cdk import nag

# A training job's output.tar.gz matches too; the promoter ignores it, because a pattern cannot exclude keys.
DROP_KEYS = ("drops/*.tar", "drops/*.tar.gz", "drops/*.tgz", "drops/*.jsonl", "changes/*.jsonl")
RETRIES = 2
MAX_AGE = Duration.hours(2)


class Promotion(Construct):
    """Calls the promoter for every object that looks like a drop.

    Attributes:
        dead_letters: events that could not be delivered, or for which the promoter failed three times.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        bucket: s3.IBucket,
        promoter: lambda_.Alias,
        keys: Sequence[str] = DROP_KEYS,
    ) -> None:
        """Call the promoter for new objects of the bucket under `keys`."""
        super().__init__(scope, id)
        self.dead_letters = sqs.Queue(
            self,
            "DeadLetters",
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=Duration.days(14),
        )
        nag.acknowledge(self.dead_letters, "SQS3", "This is the dead-letter queue.")
        # This setting catches events for which the promoter raised; the rule's setting below catches failed deliveries.
        promoter.configure_async_invoke(
            on_failure=destinations.SqsDestination(self.dead_letters), retry_attempts=RETRIES, max_event_age=MAX_AGE
        )
        events.Rule(
            self,
            "Dropped",
            description="A release archive was dropped into the bucket",
            event_pattern=events.EventPattern(
                source=["aws.s3"],
                detail_type=["Object Created"],
                detail={
                    "bucket": {"name": [bucket.bucket_name]},
                    "object": {"key": [{"wildcard": key} for key in keys]},
                },
            ),
            targets=[
                targets.LambdaFunction(
                    promoter,
                    dead_letter_queue=self.dead_letters,
                    retry_attempts=RETRIES,
                    max_event_age=MAX_AGE,
                )
            ],
        )
