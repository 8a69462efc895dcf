"""The role that jobs of GitHub Actions assume with a token of GitHub's OIDC provider: no stored keys."""

from collections.abc import Iterable, Sequence

from aws_cdk import DefaultStackSynthesizer, Duration, Stack
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from constructs import Construct

from cdk import nag
from cdk.context.regions import GLOBAL_REGION

ISSUER = "token.actions.githubusercontent.com"
AUDIENCE = "sts.amazonaws.com"
# The roles of the CDK's bootstrap stack that `cdk deploy` assumes: to create the change set, to upload the template.
# CloudFormation itself takes the rights to make resources from a third one, which the pipeline cannot assume.
# Without the role for look-ups, which may read everything in the account, the CDK uses the first one.
BOOTSTRAP_ROLES = ("deploy", "file-publishing")
METHODS = ("GET", "HEAD", "POST")
_PUSH = (
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage",
    "ecr:CompleteLayerUpload",
    "ecr:DescribeImages",
    "ecr:GetDownloadUrlForLayer",
    "ecr:InitiateLayerUpload",
    "ecr:PutImage",
    "ecr:UploadLayerPart",
)


def deploying_role(
    scope: Construct,
    id: str,
    *,
    repository: str,
    environments: Sequence[str],
    provider: str | None,
    region: str,
    images: ecr.Repository,
) -> iam.Role:
    """Make the role.

    Args:
        repository: `OWNER/NAME`, or `OWNER@ID/NAME@ID`, as in the subject of the repository's tokens.
        environments: names of environments; only the token of a job that passed an environment's rules names it.
        provider: ARN of the account's OIDC provider for GitHub; None: make it.
        region: where the service is deployed. A front door in another region than us-east-1 has a stack there too.
        images: the role may push to it and pull from it.
    """
    if provider is None:
        made = iam.OidcProviderNative(scope, "GitHub", url=f"https://{ISSUER}", client_ids=[AUDIENCE])
        provider = made.oidc_provider_arn
    claims = {f"{ISSUER}:aud": AUDIENCE, f"{ISSUER}:sub": subjects(repository, environments)}
    role = iam.Role(
        scope,
        id,
        description=f"Deploy Lookalike from GitHub Actions of {repository}",
        assumed_by=iam.WebIdentityPrincipal(provider, conditions={"StringEquals": claims}),
        max_session_duration=Duration.hours(1),
    )
    for statement in _statements(Stack.of(scope), dict.fromkeys((region, GLOBAL_REGION)), images):
        role.add_to_policy(statement)
    nag.acknowledge(role, "IAM5[Resource::*]", "ECR's login supports no resources.")
    for method in METHODS:
        nag.acknowledge(
            role,
            f"IAM5[Resource::{nag.arn('execute-api', f'*/$default/{method}/*')}]",
            "The ids of the APIs are not known before the pipeline has deployed them.",
        )
    return role


def subjects(repository: str, environments: Sequence[str]) -> list[str]:
    """The subjects of the tokens of jobs in these environments (GitHub documentation, "OpenID Connect reference")."""
    return [f"repo:{repository}:environment:{environment}" for environment in environments]


def _statements(stack: Stack, regions: Iterable[str], images: ecr.Repository) -> list[iam.PolicyStatement]:
    qualifier = stack.node.try_get_context("@aws-cdk/core:bootstrapQualifier")
    bootstrap = f"cdk-{qualifier or DefaultStackSynthesizer.DEFAULT_QUALIFIER}"
    return [
        iam.PolicyStatement(
            sid="Deploy",
            actions=["sts:AssumeRole"],
            resources=[
                stack.format_arn(
                    service="iam",
                    region="",
                    resource="role",
                    resource_name=f"{bootstrap}-{name}-role-{stack.account}-{region}",
                )
                for region in regions
                for name in BOOTSTRAP_ROLES
            ],
        ),
        iam.PolicyStatement(sid="Login", actions=["ecr:GetAuthorizationToken"], resources=["*"]),
        iam.PolicyStatement(sid="Images", actions=list(_PUSH), resources=[images.repository_arn]),
        iam.PolicyStatement(sid="Outputs", actions=["cloudformation:DescribeStacks"], resources=[stack.stack_id]),
        iam.PolicyStatement(
            sid="Smoke",
            actions=["execute-api:Invoke"],
            resources=[
                stack.format_arn(service="execute-api", resource="*", resource_name=f"$default/{method}/*")
                for method in METHODS
            ],
        ),
    ]
