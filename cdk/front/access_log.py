"""CloudFront's access log, as JSON lines in a log group. CloudFront delivers logs through us-east-1 only."""

from aws_cdk import Names
from aws_cdk import aws_logs as logs
from constructs import Construct

from cdk.log_group import log_group

# No query, cookie or referrer: the address of the page holds a code for a moment after a sign-in.
FIELDS = (
    "date",
    "time",
    "x-edge-location",
    "c-ip",
    "cs-method",
    "cs-uri-stem",
    "sc-status",
    "sc-bytes",
    "cs-bytes",
    "time-taken",
    "x-edge-result-type",
    "x-edge-request-id",
    "x-host-header",
    "cs-protocol",
    "ssl-protocol",
    "cs(User-Agent)",
)


class AccessLog(Construct):
    """Delivers the log of a distribution (standard logging v2). The older kind needs a bucket with access lists."""

    def __init__(self, scope: Construct, id: str, *, distribution_arn: str, days: int) -> None:
        """Make the log group and the delivery.

        Args:
            days: days that log lines are kept.
        """
        super().__init__(scope, id)
        group = log_group(self, "Lines", days, vended="front")
        source = logs.CfnDeliverySource(
            self, "Source", name=self._named("source"), log_type="ACCESS_LOGS", resource_arn=distribution_arn
        )
        target = logs.CfnDeliveryDestination(
            self,
            "Target",
            name=self._named("target"),
            output_format="json",
            destination_resource_arn=group.log_group_arn,
        )
        delivery = logs.CfnDelivery(
            self,
            "Delivery",
            delivery_source_name=source.name,
            delivery_destination_arn=target.attr_arn,
            record_fields=list(FIELDS),
        )
        # The name of a source is text in the template, so it implies no order.
        delivery.add_resource_dependency(source)

    def _named(self, what: str) -> str:
        """A name that is unique in the account: of the stack and this construct."""
        return f"{Names.unique_resource_name(self, max_length=50, separator='-')}-{what}"
