from pathlib import Path

import pytest
from aws_cdk import App
from aws_cdk.assertions import Template

from cdk.app import build
from cdk.context.config import Config
from cdk.watching import limiter
from tests.cdk.conftest import FLAGS
from tests.cdk.policy import allowed
from tests.cdk.template import SynthesisedTemplate


def function(template: SynthesisedTemplate) -> dict:
    return template.of_type("AWS::Lambda::Function")[template.output("LimiterName")]


def test_a_spent_budget_calls_the_function_and_still_sends_its_mail(
    chosen: SynthesisedTemplate, operated: SynthesisedTemplate
) -> None:
    warnings = operated.one("AWS::Budgets::Budget")["NotificationsWithSubscribers"]
    (spent,) = (one for one in warnings if one["Notification"]["Threshold"] == 100 and len(one["Subscribers"]) == 2)
    assert spent["Notification"]["NotificationType"] == "ACTUAL"
    topic = next(one["Address"] for one in spent["Subscribers"] if one["SubscriptionType"] == "SNS")
    assert topic != operated.output("NoticesTopicArn")
    assert {"Address": "ops@shop.example", "SubscriptionType": "EMAIL"} in spent["Subscribers"]
    calls = [one for one in operated.of_type("AWS::SNS::Subscription").values() if one["Protocol"] == "lambda"]
    assert [one["TopicArn"] for one in calls] == [topic]
    assert calls[0]["Endpoint"] == operated.arn(operated.output("LimiterName"))
    assert len(chosen.one("AWS::Budgets::Budget")["NotificationsWithSubscribers"]) == 2


def test_only_the_budgets_of_this_account_may_publish_to_the_encrypted_topic(operated: SynthesisedTemplate) -> None:
    (topic,) = (name for name in operated.of_type("AWS::SNS::Topic") if name.startswith("Limiter"))
    (policy,) = (
        one for one in operated.of_type("AWS::SNS::TopicPolicy").values() if one["Topics"] == [operated.arn(topic)]
    )
    statements = policy["PolicyDocument"]["Statement"]
    assert {one["Principal"]["Service"] for one in statements if one["Effect"] == "Allow"} == {"budgets.amazonaws.com"}
    assert allowed(statements, "sns:Publish", operated.arn(topic), {"aws:SourceAccount": "123456789012"})
    assert not allowed(statements, "sns:Publish", operated.arn(topic), {"aws:SourceAccount": "999999999999"})
    key = operated.one("AWS::KMS::Key")["KeyPolicy"]["Statement"]
    budgets = [one for one in key if "budgets.amazonaws.com" in one["Principal"].get("Service", ())]
    assert allowed(budgets, "kms:GenerateDataKey", "*", {"aws:SourceAccount": "123456789012"})
    assert not allowed(budgets, "kms:GenerateDataKey", "*", {"aws:SourceAccount": "999999999999"})


def test_the_function_knows_what_to_restore_and_carries_its_own_code(operated: SynthesisedTemplate) -> None:
    found = function(operated)
    variables = found["Environment"]["Variables"]
    stage = operated.one("AWS::ApiGatewayV2::Stage")
    settings = stage["DefaultRouteSettings"]
    assert (float(variables["RATE"]), int(variables["BURST"])) == (
        settings["ThrottlingRateLimit"],
        settings["ThrottlingBurstLimit"],
    )
    assert (variables["API"], stage["StageName"]) == (stage["ApiId"], "$default")
    assert variables["TRAINING_ROLE"] in operated.of_type("AWS::IAM::Role")
    assert variables["NO_TRAINING"] in operated.of_type("AWS::IAM::ManagedPolicy")
    assert found["Code"]["ZipFile"] == Path(str(limiter.__file__)).read_text()
    assert len(found["Code"]["ZipFile"]) <= 4096
    assert found["Handler"] == "index.handler"


def test_a_failure_of_the_function_raises_an_alarm(operated: SynthesisedTemplate) -> None:
    name = operated.output("LimiterName")
    alarms = operated.of_type("AWS::CloudWatch::Alarm").values()
    assert [
        one["MetricName"] for one in alarms if {"Name": "FunctionName", "Value": name} in one.get("Dimensions", ())
    ] == ["Errors"]


@pytest.mark.parametrize(
    ("region", "functions", "policies"), [("us-iso-east-1", 3, 0), ("af-south-1", 3, 0), ("eu-west-1", 4, 1)]
)
def test_regions_without_budgets_get_no_function(tmp_path: Path, region: str, functions: int, policies: int) -> None:
    context = {"alarmEmail": "ops@shop.example", "budget": "50", "budgetAction": "true", "region": region}
    context |= {"retrain": "rate(7 days)", "retrainDataset": "shop"}
    app = App(context=FLAGS | context, outdir=str(tmp_path), builtin_cloud_formation_validation=False)
    template = SynthesisedTemplate(Template.from_stack(build(app, Config.from_context(context))).to_json())
    assert len(template.of_type("AWS::Lambda::Function")) == functions
    assert len(template.of_type("AWS::IAM::ManagedPolicy")) == policies
    trains = bool(template.of_type("AWS::StepFunctions::StateMachine"))
    assert bool(template.of_type("AWS::Scheduler::Schedule")) == trains
