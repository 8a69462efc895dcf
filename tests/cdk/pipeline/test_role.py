from pathlib import Path

import pytest

from cdk.pipeline.role import ISSUER, METHODS, subjects
from tests.cdk.conftest import synthesise
from tests.cdk.policy import allowed
from tests.cdk.template import SynthesisedTemplate

ACCOUNT = "123456789012"
# Of the actions that a role must not have, some that would let a pipeline grow its own rights.
NEVER = (
    "iam:CreateRole",
    "iam:PassRole",
    "iam:PutRolePolicy",
    "iam:UpdateAssumeRolePolicy",
    "cloudformation:CreateChangeSet",
    "cloudformation:DeleteStack",
    "ecr:BatchDeleteImage",
    "ecr:DeleteRepository",
    "ecr:PutImageTagMutability",
    "ecr:PutLifecyclePolicy",
    "ecr:SetRepositoryPolicy",
    "lambda:InvokeFunction",
    "lambda:UpdateFunctionCode",
    "s3:GetObject",
    "s3:PutObject",
    "ssm:GetParameter",
)


def may(template: SynthesisedTemplate, action: str, resource: str) -> bool:
    return allowed(template.statements(template.output("RoleArn")), action, resource)


def trusts(template: SynthesisedTemplate, **claims: str) -> bool:
    (statement,) = template.one("AWS::IAM::Role")["AssumeRolePolicyDocument"]["Statement"]
    facts = {f"{ISSUER}:{claim}": value for claim, value in claims.items()}
    return allowed([{**statement, "Resource": "*"}], "sts:AssumeRoleWithWebIdentity", "*", facts)


@pytest.mark.parametrize(
    ("subject", "trusted"),
    [
        ("repo:shop/lookalike:environment:staging", True),
        ("repo:shop/lookalike:environment:production", True),
        ("repo:shop/lookalike:environment:preview", False),
        ("repo:shop/lookalike:environment:production2", False),
        ("repo:shop/lookalike:ref:refs/heads/main", False),
        ("repo:shop/lookalike:pull_request", False),
        ("repo:shop/lookalike-fork:environment:production", False),
        ("repo:other/lookalike:environment:production", False),
        ("repo:shop@1/lookalike@2:environment:production", False),
    ],
)
def test_only_jobs_in_the_environments_of_the_repository_may_assume_the_role(
    pipeline: SynthesisedTemplate, subject: str, trusted: bool
) -> None:
    assert trusts(pipeline, aud="sts.amazonaws.com", sub=subject) is trusted


def test_a_token_for_another_service_or_without_a_subject_is_not_trusted(pipeline: SynthesisedTemplate) -> None:
    subject = "repo:shop/lookalike:environment:production"
    assert not trusts(pipeline, aud="https://github.com/shop", sub=subject)
    assert not trusts(pipeline, sub=subject)
    assert not trusts(pipeline, aud="sts.amazonaws.com")


def test_the_trust_compares_whole_texts_and_names_the_provider(pipeline: SynthesisedTemplate) -> None:
    (statement,) = pipeline.one("AWS::IAM::Role")["AssumeRolePolicyDocument"]["Statement"]
    assert set(statement["Condition"]) == {"StringEquals"}
    assert "*" not in str(statement["Condition"])
    (provider,) = pipeline.of_type("AWS::IAM::OIDCProvider")
    assert statement["Principal"] == {"Federated": pipeline.arn(provider)}
    made = pipeline.one("AWS::IAM::OIDCProvider")
    assert (made["Url"], made["ClientIdList"]) == (f"https://{ISSUER}", ["sts.amazonaws.com"])


@pytest.mark.slow
def test_an_existing_provider_the_numbers_of_a_repository_and_other_environments_are_used(tmp_path: Path) -> None:
    provider = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{ISSUER}"
    template = synthesise(
        tmp_path,
        githubRepository="shop@123/lookalike@456",
        githubEnvironments="live",
        githubProvider=provider,
        region="eu-west-1",
        **{"@aws-cdk/core:bootstrapQualifier": "shop"},
    )
    assert not template.of_type("AWS::IAM::OIDCProvider")
    (statement,) = template.one("AWS::IAM::Role")["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Federated": provider}
    assert trusts(template, aud="sts.amazonaws.com", sub="repo:shop@123/lookalike@456:environment:live")
    assert not trusts(template, aud="sts.amazonaws.com", sub="repo:shop/lookalike:environment:live")
    # What is in CloudFront is deployed to us-east-1.
    for region, assumed in (("eu-west-1", True), ("us-east-1", True), ("eu-west-2", False)):
        role = f"arn:aws:iam::{ACCOUNT}:role/cdk-shop-deploy-role-{ACCOUNT}-{region}"
        assert may(template, "sts:AssumeRole", role) is assumed


def test_the_subjects_are_those_of_jobs_with_an_environment() -> None:
    assert subjects("a/b", ("x", "y")) == ["repo:a/b:environment:x", "repo:a/b:environment:y"]


def test_the_role_may_assume_the_two_roles_of_the_bootstrap_stack_that_a_deployment_needs(
    pipeline: SynthesisedTemplate,
) -> None:
    kinds = ("deploy", "file-publishing", "image-publishing", "lookup", "cfn-exec")
    roles = {kind: f"arn:aws:iam::{ACCOUNT}:role/cdk-hnb659fds-{kind}-role-{ACCOUNT}-us-east-1" for kind in kinds}
    assert [kind for kind, arn in roles.items() if may(pipeline, "sts:AssumeRole", arn)] == [
        "deploy",
        "file-publishing",
    ]
    for other in (f"arn:aws:iam::{ACCOUNT}:role/admin", roles["deploy"].replace("us-east-1", "eu-west-1")):
        assert not may(pipeline, "sts:AssumeRole", other)


def test_the_role_may_push_images_to_its_own_repository_only(pipeline: SynthesisedTemplate) -> None:
    (name,) = pipeline.of_type("AWS::ECR::Repository")
    push = ("InitiateLayerUpload", "UploadLayerPart", "CompleteLayerUpload", "PutImage", "BatchCheckLayerAvailability")
    for action in (*push, "BatchGetImage", "GetDownloadUrlForLayer", "DescribeImages"):
        assert may(pipeline, f"ecr:{action}", pipeline.arn(name))
        assert not may(pipeline, f"ecr:{action}", f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/another")
    assert may(pipeline, "ecr:GetAuthorizationToken", "*")


def test_the_role_may_read_the_outputs_of_its_own_stack_and_call_apis(pipeline: SynthesisedTemplate) -> None:
    assert may(pipeline, "cloudformation:DescribeStacks", pipeline.render({"Ref": "AWS::StackId"}))
    api = f"arn:aws:execute-api:us-east-1:{ACCOUNT}:abc123/$default"
    assert all(may(pipeline, "execute-api:Invoke", f"{api}/{method}/predict") for method in METHODS)
    assert not may(pipeline, "execute-api:Invoke", f"{api}/DELETE/predict")
    assert not may(pipeline, "execute-api:ManageConnections", f"{api}/POST/predict")


@pytest.mark.parametrize("action", NEVER)
def test_the_role_may_not_change_rights_images_or_stacks_by_itself(pipeline: SynthesisedTemplate, action: str) -> None:
    (repository,) = pipeline.of_type("AWS::ECR::Repository")
    (role,) = pipeline.of_type("AWS::IAM::Role")
    for resource in ("*", pipeline.arn(repository), pipeline.arn(role), pipeline.render({"Ref": "AWS::StackId"})):
        assert not may(pipeline, action, resource)


def test_no_managed_policy_is_attached_and_sessions_end_after_an_hour(pipeline: SynthesisedTemplate) -> None:
    role = pipeline.one("AWS::IAM::Role")
    assert "ManagedPolicyArns" not in role
    assert role["MaxSessionDuration"] == 3600
