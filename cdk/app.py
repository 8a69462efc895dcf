"""The CDK app: `cdk synth` and `cdk deploy` run it as `python -m cdk.app`."""

import os
import sys
from collections.abc import Mapping
from dataclasses import replace

from aws_cdk import App, Stack, Validations
from cdk_nag import AwsSolutionsChecks

from cdk.context.config import Config, ConfigError
from cdk.context.front_keys import contradiction_in
from cdk.context.regions import DEFAULT_REGION, GLOBAL_REGION, WITHOUT_USER_POOLS
from cdk.context.search_keys import search_contradiction_in
from cdk.front.edge import EdgeLogStack, EdgeStack
from cdk.pipeline.stack import PipelineStack
from cdk.stack import LookalikeStack


def main() -> int:
    """Synthesise the stack that the context describes. A bad context prints one line and gives exit code 2."""
    app = App()
    try:
        config = with_region(Config.from_context(app.node.get_all_context()), os.environ)
    except ConfigError as exc:
        print(f"cdk: {exc}", file=sys.stderr)
        return 2
    build(app, config)
    try:
        app.synth()
    except RuntimeError as exc:  # the only exception that Python gets for an error inside the CDK
        if "ValidationFailed" not in str(exc):
            raise
        print(f"cdk: {exc}", file=sys.stderr)
        return 1
    return 0


def with_region(config: Config, environ: Mapping[str, str]) -> Config:
    """The settings with a region. The CDK's command line says in the environment where it would deploy to.

    Raises:
        ConfigError: the context names another region than the one that is signed in to, or an image of another one;
            or the region has no user pools, no CloudFront or no vector buckets, or a certificate is of the wrong one.
    """
    region, signed_in = environ.get("CDK_DEFAULT_REGION"), "CDK_DEFAULT_ACCOUNT" in environ
    if config.region and region and signed_in and config.region != region:
        raise ConfigError(
            f"context region={config.region!r} is not where the AWS CLI deploys to ({region}); "
            f"set AWS_REGION={config.region}"
        )
    found = replace(config, region=config.region or region or DEFAULT_REGION)
    if found.image_region and found.image_region != found.region:
        raise ConfigError(
            f"context image={found.image!r} is in {found.image_region}; Lambda takes an image of its own region "
            f"({found.region}) only"
        )
    if found.auth == "cognito" and found.region in WITHOUT_USER_POOLS:
        raise ConfigError(
            f"context auth='cognito' is not possible in {found.region}: Amazon Cognito has no user pools there; "
            "set auth to jwt, iam or none"
        )
    region = str(found.region)
    if problem := contradiction_in(found, region) or search_contradiction_in(found, region):
        raise ConfigError(problem)
    return found


def build(app: App, config: Config) -> Stack:
    """Add the stack to an app, and for a front door in another region than us-east-1 the two stacks beside it.

    With `config.github_repository`, the app has the pipeline's stack instead. It never has both, so a deployment of the
    service does not change the pipeline's rights. With `config.nag`, cdk-nag checks the stacks.
    """
    if config.nag:
        Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    if config.github_repository:
        return PipelineStack(app, config=config)
    if not config.front_door or (config.region or DEFAULT_REGION) == GLOBAL_REGION:
        return LookalikeStack(app, config.stack_name, config=config)
    edge = EdgeStack(app, config)
    stack = LookalikeStack(app, config.stack_name, config=config, web_acl=edge.web_acl)
    stack.add_stack_dependency(edge)
    EdgeLogStack(app, config).add_stack_dependency(stack)
    return stack


if __name__ == "__main__":
    sys.exit(main())
