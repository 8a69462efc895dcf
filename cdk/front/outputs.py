"""The outputs of a stack about its public address."""

from aws_cdk import CfnOutput, Stack
from aws_cdk import aws_apigatewayv2 as apigw

from cdk.context.config import Config
from cdk.front.api_domain import ApiDomain
from cdk.front.door import FrontDoor
from cdk.front.edge import DISTRIBUTION_OUTPUT
from cdk.front.photos import arn


def add_front_outputs(stack: Stack, front: FrontDoor | ApiDomain, config: Config, api: apigw.HttpApi) -> None:
    """Add what an operator needs to know."""
    found = []
    if isinstance(front, FrontDoor):
        found = [
            (
                "OriginUrl",
                api.api_endpoint,
                "Address of the API behind the front door; it refuses what comes from elsewhere",
            ),
            ("DistributionId", front.distribution.distribution_id, "Distribution of CloudFront, for invalidations"),
            (DISTRIBUTION_OUTPUT, arn(front.distribution), "The same as an ARN"),
        ]
    if config.domain and not config.hosted_zone:
        record = f"Make this DNS record: {config.domain} CNAME <this value>"
        found.append(("DomainTarget", front.target.host, record))
    for name, value, description in found:
        CfnOutput(stack, name, value=value, description=description)
