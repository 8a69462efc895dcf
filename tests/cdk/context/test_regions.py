import json
from contextlib import suppress
from pathlib import Path

import botocore.session
import pytest
from aws_cdk import App
from aws_cdk.assertions import Annotations, Match, Template
from cfnlint.schema import ResourceNotFoundError
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from cdk.app import build, with_region
from cdk.context.config import Config, ConfigError
from cdk.context.regions import (
    CONTAINER_ACCOUNTS,
    DEFAULT_REGION,
    FIPS_ONLY,
    WITH_BUDGETS,
    WITHOUT_USER_POOLS,
    WITHOUT_VECTOR_BUCKETS,
)
from tests.cdk.conftest import DIGEST, FLAGS
from tests.cdk.template import SynthesisedTemplate

PARTITIONS = ("aws", "aws-cn", "aws-us-gov", "aws-eusc")
CONTEXT = {
    "alarmEmail": "ops@shop.example",
    "budget": "50",
    "budgetAction": "true",
    "retrain": "rate(7 days)",
    "retrainDataset": "shop",
}


def made(outdir: Path, **context: str) -> tuple[SynthesisedTemplate, Annotations]:
    app = App(context=FLAGS | context, outdir=str(outdir), builtin_cloud_formation_validation=False)
    stack = build(app, Config.from_context(context))
    return SynthesisedTemplate(Template.from_stack(stack).to_json()), Annotations.from_stack(stack)


def test_every_public_region_that_has_lambda_has_a_container() -> None:
    session = botocore.session.get_session()
    regions = {name for one in PARTITIONS for name in session.get_available_regions("lambda", one)}
    assert len(regions) > 35
    assert regions <= set(CONTAINER_ACCOUNTS)
    assert all(len(account) == 12 and account.isdigit() for account in CONTAINER_ACCOUNTS.values())


def test_budgets_are_where_cloudformation_has_them() -> None:
    found = set()
    for region in CONTAINER_ACCOUNTS:
        with suppress(ResourceNotFoundError, KeyError):
            PROVIDER_SCHEMA_MANAGER.get_resource_schema(region, "AWS::Budgets::Budget")
            found.add(region)
    assert found == set(WITH_BUDGETS)


def test_vector_buckets_are_where_cloudformation_has_them() -> None:
    found = set()
    for region in CONTAINER_ACCOUNTS:
        with suppress(ResourceNotFoundError, KeyError):
            PROVIDER_SCHEMA_MANAGER.get_resource_schema(region, "AWS::S3Vectors::VectorBucket")
            found.add(region)
    assert set(CONTAINER_ACCOUNTS) - found == set(WITHOUT_VECTOR_BUCKETS)


def test_a_vector_bucket_is_refused_where_cloudformation_makes_none_unless_one_is_named() -> None:
    with pytest.raises(ConfigError, match=r"search='s3vectors' is not possible in il-central-1: .*with vectorBucket"):
        with_region(Config(region="il-central-1", search="s3vectors"), {})
    named = Config(region="il-central-1", search="s3vectors", vector_bucket="shop")
    assert with_region(named, {}).vector_bucket == "shop"


def test_user_pools_are_where_aws_has_them() -> None:
    session = botocore.session.get_session()
    with_pools = {name for one in PARTITIONS for name in session.get_available_regions("cognito-idp", one)}
    assert set(CONTAINER_ACCOUNTS) - with_pools == set(WITHOUT_USER_POOLS)
    for kind in ("UserPool", "UserPoolClient", "UserPoolDomain", "UserPoolUser", "ManagedLoginBranding"):
        for region in with_pools & set(CONTAINER_ACCOUNTS):
            PROVIDER_SCHEMA_MANAGER.get_resource_schema(region, f"AWS::Cognito::{kind}")
    assert set(FIPS_ONLY) == {region for region in CONTAINER_ACCOUNTS if region.startswith("us-gov-")}


def test_a_user_pool_is_refused_where_there_are_none() -> None:
    with pytest.raises(ConfigError, match=r"auth='cognito' is not possible in cn-north-1: .*jwt, iam or none"):
        with_region(Config(region="cn-north-1"), {})
    assert with_region(Config(region="cn-north-1", auth="iam"), {}).auth == "iam"


def test_the_template_has_the_container_of_its_region_and_refuses_to_be_deployed_elsewhere(tmp_path: Path) -> None:
    template, annotations = made(tmp_path, region="af-south-1", **CONTEXT)
    image = template.flow["States"]["Train"]["Parameters"]["AlgorithmSpecification"]["TrainingImage"]
    assert image.startswith("626614931356.dkr.ecr.")
    (assertion,) = template.body["Rules"]["MadeForThisRegion"]["Assertions"]
    assert assertion["Assert"] == {"Fn::Equals": [{"Ref": "AWS::Region"}, "af-south-1"]}
    assert not template.of_type("AWS::Budgets::Budget")
    annotations.has_warning(
        "*", Match.string_like_regexp("af-south-1: the stack is made without budget: .*in the console")
    )


def test_a_region_without_a_known_container_gets_the_stack_without_training(tmp_path: Path) -> None:
    template, annotations = made(tmp_path / "a", region="us-iso-east-1")
    assert not template.of_type("AWS::StepFunctions::StateMachine")
    assert "TrainingMachineArn" not in template.body["Outputs"]
    assert "sagemaker" not in json.dumps(template.body)
    annotations.has_warning("*", Match.string_like_regexp("without training: .*-c trainingAccount="))
    template, annotations = made(tmp_path / "b", region="us-iso-east-1", trainingAccount="886529160074")
    assert "886529160074.dkr.ecr." in json.dumps(template.body)
    annotations.has_no_warning("*", Match.any_value())


def test_the_region_is_the_one_of_the_context_else_of_the_command_line() -> None:
    signed_in = {"CDK_DEFAULT_ACCOUNT": "123456789012", "CDK_DEFAULT_REGION": "eu-west-1"}
    assert with_region(Config(), {}).region == DEFAULT_REGION
    assert with_region(Config(), signed_in).region == "eu-west-1"
    assert with_region(Config(region="eu-west-1"), signed_in).region == "eu-west-1"
    # Without credentials the command line says us-east-1, wherever the template is for.
    assert with_region(Config(region="eu-west-1"), {"CDK_DEFAULT_REGION": "us-east-1"}).region == "eu-west-1"
    with pytest.raises(ConfigError, match=r"region='eu-south-1' is not where the AWS CLI deploys to \(eu-west-1\)"):
        with_region(Config(region="eu-south-1"), signed_in)


def test_an_image_of_another_region_is_refused_because_lambda_would() -> None:
    image = f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/lookalike@{DIGEST}"
    assert with_region(Config.from_context({"image": image, "region": "eu-west-1"}), {}).image_region == "eu-west-1"
    with pytest.raises(ConfigError, match="is in eu-west-1; Lambda takes an image of its own region"):
        with_region(Config.from_context({"image": image}), {})
