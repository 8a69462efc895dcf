import json

from cdk.pipeline.images import IMAGES, PRODUCTION_IMAGES, PRODUCTION_TAGS
from tests.cdk.policy import allowed
from tests.cdk.template import SynthesisedTemplate


def test_images_are_scanned_and_their_tags_never_move(pipeline: SynthesisedTemplate) -> None:
    repository = pipeline.one("AWS::ECR::Repository")
    assert repository["ImageScanningConfiguration"] == {"ScanOnPush": True}
    assert repository["ImageTagMutability"] == "IMMUTABLE"
    assert "RepositoryName" not in repository


def test_the_repository_outlives_the_stack(pipeline: SynthesisedTemplate) -> None:
    (repository,) = (one for one in pipeline.body["Resources"].values() if one["Type"] == "AWS::ECR::Repository")
    assert (repository["DeletionPolicy"], repository["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")


def test_images_of_production_are_counted_apart_from_the_other_builds(pipeline: SynthesisedTemplate) -> None:
    rules = json.loads(pipeline.one("AWS::ECR::Repository")["LifecyclePolicy"]["LifecyclePolicyText"])["rules"]
    first, second = sorted(rules, key=lambda rule: rule["rulePriority"])
    assert first["selection"] == {
        "tagStatus": "tagged",
        "tagPatternList": [PRODUCTION_TAGS],
        "countType": "imageCountMoreThan",
        "countNumber": PRODUCTION_IMAGES,
    }
    assert second["selection"] == {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": IMAGES}


def test_functions_of_this_account_may_pull_and_nobody_else(pipeline: SynthesisedTemplate) -> None:
    (statement,) = pipeline.one("AWS::ECR::Repository")["RepositoryPolicyText"]["Statement"]
    assert statement["Principal"] == {"Service": "lambda.amazonaws.com"}
    policy = [{**statement, "Resource": "*"}]
    ours, other = (f"arn:aws:lambda:us-east-1:{account}:function:x" for account in ("123456789012", "999999999999"))
    for action in ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"):
        assert allowed(policy, action, "*", {"aws:SourceArn": ours})
        assert not allowed(policy, action, "*", {"aws:SourceArn": other})
    assert not allowed(policy, "ecr:PutImage", "*", {"aws:SourceArn": ours})
