from collections import Counter
from pathlib import Path

from aws_cdk import App
from aws_cdk.assertions import Template

from cdk.context.config import Config
from cdk.stack import LookalikeStack
from tests.cdk.conftest import FLAGS
from tests.cdk.template import SynthesisedTemplate


def test_the_stack_has_the_expected_resources_and_no_custom_ones(plain: SynthesisedTemplate) -> None:
    counted = Counter(resource["Type"] for resource in plain.body["Resources"].values())
    assert counted["AWS::Lambda::Function"] == 3
    assert counted["AWS::S3::Bucket"] == 2
    assert counted["AWS::IAM::Role"] == 7
    assert not any(kind.startswith("Custom::") for kind in counted)


def test_no_resource_has_a_physical_name(plain: SynthesisedTemplate) -> None:
    names = {"BucketName", "FunctionName", "RoleName", "QueueName", "TopicName", "StateMachineName"}
    for kind in ("S3::Bucket", "Lambda::Function", "IAM::Role", "SQS::Queue", "SNS::Topic"):
        for properties in plain.of_type(f"AWS::{kind}").values():
            assert not names & set(properties)


def test_log_groups_that_other_services_write_to_have_the_names_that_need_no_policy_of_their_own(
    plain: SynthesisedTemplate,
) -> None:
    names = {group.get("LogGroupName") for group in plain.of_type("AWS::Logs::LogGroup").values()} - {None}
    assert names == {f"/aws/vendedlogs/lookalike/Lookalike/{what}" for what in ("api", "training")}


def test_the_stack_has_the_outputs_that_the_commands_need(plain: SynthesisedTemplate) -> None:
    assert set(plain.body["Outputs"]) == {
        "ApiUrl",
        "AccessLogsBucketName",
        "BucketName",
        "DeadLetterQueueUrl",
        "OperatorRoleArn",
        "PromoterName",
        "TrainingMachineArn",
        "NoticesTopicArn",
        "DashboardName",
        "SignInUrl",
        "UserPoolId",
        "ClientId",
    }
    assert plain.output("BucketName") == plain.bucket


def test_two_syntheses_are_equal(plain: SynthesisedTemplate, tmp_path: Path) -> None:
    stack = LookalikeStack(
        App(context=FLAGS, outdir=str(tmp_path), builtin_cloud_formation_validation=False), "Lookalike", config=Config()
    )
    assert Template.from_stack(stack).to_json() == plain.body
