"""The repository for the images that the pipeline builds."""

from aws_cdk import ArnFormat, RemovalPolicy, Stack
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from constructs import Construct

# Tags of images that were deployed to production; `.ci/deploy` sets them.
PRODUCTION_TAGS = "production-*"
PRODUCTION_IMAGES = 20
IMAGES = 50


def image_repository(scope: Construct, id: str) -> ecr.Repository:
    """Make the repository. Its tags never move, each image is scanned, and old images are deleted.

    It outlives its stack, because a Lambda function stops working some time after its image was deleted.
    """
    repository = ecr.Repository(
        scope,
        id,
        image_scan_on_push=True,
        image_tag_mutability=ecr.TagMutability.IMMUTABLE,
        removal_policy=RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
        lifecycle_rules=[
            # An image that the first rule selects is not deleted by the second one. So many builds without a deployment
            # to production do not delete the image of production.
            ecr.LifecycleRule(
                rule_priority=1,
                description="deployed to production",
                tag_status=ecr.TagStatus.TAGGED,
                tag_pattern_list=[PRODUCTION_TAGS],
                max_image_count=PRODUCTION_IMAGES,
            ),
            ecr.LifecycleRule(
                rule_priority=2, description="the others", tag_status=ecr.TagStatus.ANY, max_image_count=IMAGES
            ),
        ],
    )
    functions = Stack.of(scope).format_arn(
        service="lambda", resource="function", resource_name="*", arn_format=ArnFormat.COLON_RESOURCE_NAME
    )
    # Without this statement, Lambda would add it itself at the first deployment, if the deployer's role lets it.
    repository.add_to_resource_policy(
        iam.PolicyStatement(
            sid="FunctionsOfThisAccount",
            principals=[iam.ServicePrincipal("lambda.amazonaws.com")],
            actions=["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
            conditions={"StringLike": {"aws:SourceArn": functions}},
        )
    )
    return repository
