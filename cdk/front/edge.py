"""What CloudFront needs in us-east-1, when the stack itself is in another region: two small stacks.

The references across regions are `Fn::GetStackOutput`, which CloudFormation resolves at each create and update. So
there is no custom resource. The first stack goes before the main one, the second one after it.
"""

from aws_cdk import CfnOutput, Environment, Fn, Stack
from constructs import Construct

from cdk.context.config import Config
from cdk.context.regions import GLOBAL_REGION
from cdk.front.access_log import AccessLog
from cdk.front.web_acl import WebAcl

_ACL_OUTPUT = "WebAclArn"
DISTRIBUTION_OUTPUT = "DistributionArn"


class EdgeStack(Stack):
    """The firewall, which the distribution of the main stack names.

    Attributes:
        web_acl: its ARN, as a reference for the main stack.
    """

    def __init__(self, scope: Construct, config: Config) -> None:
        """Make the stack `<name>-Edge-<region of the main stack>`."""
        name = f"{config.stack_name}-Edge-{config.region}"
        super().__init__(
            scope,
            name,
            env=Environment(region=GLOBAL_REGION),
            description=f"Lookalike: firewall of the front door of stack {config.stack_name}",
        )
        acl = WebAcl(self, "Firewall", config=config)
        CfnOutput(self, _ACL_OUTPUT, value=acl.arn, description="Firewall of the front door")
        self.web_acl = Fn.get_stack_output(stack_name=name, output_name=_ACL_OUTPUT, region=GLOBAL_REGION)


class EdgeLogStack(Stack):
    """The access log of the distribution, which the main stack makes."""

    def __init__(self, scope: Construct, config: Config) -> None:
        """Make the stack `<name>-EdgeLog-<region of the main stack>`."""
        super().__init__(
            scope,
            f"{config.stack_name}-EdgeLog-{config.region}",
            env=Environment(region=GLOBAL_REGION),
            description=f"Lookalike: access log of the front door of stack {config.stack_name}",
        )
        arn = Fn.get_stack_output(
            stack_name=config.stack_name, output_name=DISTRIBUTION_OUTPUT, region=str(config.region)
        )
        AccessLog(self, "AccessLog", distribution_arn=arn, days=config.log_retention_days)
