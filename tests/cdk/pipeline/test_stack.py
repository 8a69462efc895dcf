from pathlib import Path

import pytest
from aws_cdk import App

from cdk.app import build
from cdk.context.config import Config
from cdk.pipeline.stack import PipelineStack
from tests.cdk.template import SynthesisedTemplate


def test_with_a_repository_the_app_has_the_pipelines_stack_alone(tmp_path: Path) -> None:
    app = App(outdir=str(tmp_path), builtin_cloud_formation_validation=False)
    config = Config.from_context({"githubRepository": "shop/lookalike", "stackName": "Shop"})
    assert build(app, config).stack_name == "Shop-Pipeline"
    assert [stack.stack_name for stack in app.synth().stacks] == ["Shop-Pipeline"]


def test_the_stack_has_few_resources_and_none_of_the_service(pipeline: SynthesisedTemplate) -> None:
    kinds = sorted(resource["Type"] for resource in pipeline.body["Resources"].values())
    assert kinds == ["AWS::ECR::Repository", "AWS::IAM::OIDCProvider", "AWS::IAM::Policy", "AWS::IAM::Role"]
    assert set(pipeline.body["Outputs"]) == {"RoleArn", "RepositoryUri"}


def test_a_pipeline_without_a_repository_is_refused() -> None:
    with pytest.raises(ValueError, match="requires githubRepository"):
        PipelineStack(App(), config=Config())
