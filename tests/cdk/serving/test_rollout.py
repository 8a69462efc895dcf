import json
from pathlib import Path

import pytest
from aws_cdk import App

from cdk.app import build
from cdk.context.config import Config, ConfigError
from cdk.serving.rollout import Rollout
from tests.cdk.conftest import FLAGS, synthesise
from tests.cdk.template import SynthesisedTemplate

API = "lambda_app.handler.handler"
PROMOTER = "lambda_app.promoter.handler"


def group(template: SynthesisedTemplate) -> dict:
    return template.one("AWS::CodeDeploy::DeploymentGroup")


def update_policies(template: SynthesisedTemplate) -> dict[str, dict]:
    return {
        template.arn(name): template.render(resource["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"])
        for name, resource in template.body["Resources"].items()
        if "UpdatePolicy" in resource
    }


def test_events_go_to_the_alias_of_each_function_and_never_to_the_function_itself(plain: SynthesisedTemplate) -> None:
    assert {one["Name"] for one in plain.of_type("AWS::Lambda::Alias").values()} == {"live"}
    assert plain.one("AWS::ApiGatewayV2::Integration")["IntegrationUri"] == plain.alias(API)
    (target,) = plain.one("AWS::Events::Rule")["Targets"]
    assert target["Arn"] == plain.alias(PROMOTER)
    callers = {one["Principal"]: one["FunctionName"] for one in plain.of_type("AWS::Lambda::Permission").values()}
    assert callers == {"apigateway.amazonaws.com": plain.alias(API), "events.amazonaws.com": plain.alias(PROMOTER)}


def test_an_alias_points_to_a_version_that_stays_when_a_newer_one_is_live(plain: SynthesisedTemplate) -> None:
    versions = {name: one for name, one in plain.body["Resources"].items() if one["Type"] == "AWS::Lambda::Version"}
    assert len(versions) == 2
    # But not the version of a deployment that went back: Lambda would not publish the same code a second time.
    assert {one["DeletionPolicy"] for one in versions.values()} == {"RetainExceptOnCreate"}
    pointed = {one["FunctionVersion"] for one in plain.of_type("AWS::Lambda::Alias").values()}
    assert pointed == {f"{name}.Version" for name in versions}


@pytest.mark.parametrize("change", [{"reloadSeconds": "7"}, {"memory": "4096"}, {"rebuild": "2026-11-26"}])
def test_a_new_image_or_setting_is_a_new_version(
    plain: SynthesisedTemplate, tmp_path: Path, change: dict[str, str]
) -> None:
    changed = synthesise(tmp_path, **change)
    before, after = (set(one.of_type("AWS::Lambda::Version")) for one in (plain, changed))
    assert len(before) == len(after) == 2
    assert before - after


def test_codedeploy_moves_only_the_apis_alias_after_the_check(plain: SynthesisedTemplate) -> None:
    ((alias, policy),) = update_policies(plain).items()
    assert alias == plain.alias(API)
    (group_name,) = plain.of_type("AWS::CodeDeploy::DeploymentGroup")
    (application,) = plain.of_type("AWS::CodeDeploy::Application")
    (check,) = (name for name, one in plain.of_type("AWS::Lambda::Function").items() if one.get("Handler"))
    assert policy == {
        "ApplicationName": application,
        "DeploymentGroupName": group_name,
        "BeforeAllowTrafficHook": check,
    }
    settings = plain.of_type("AWS::Lambda::Function")[check]["Environment"]["Variables"]
    (version,) = (one for one in plain.of_type("AWS::Lambda::Version") if one.startswith("Serving"))
    assert settings["NEW_VERSION"] == version
    assert settings["LIVE_VERSION"].endswith(":live")
    assert settings["HEADERS"] == "{}"


def test_what_a_deployment_needs_is_there_before_the_alias_changes(plain: SynthesisedTemplate) -> None:
    (alias,) = (name for name, one in plain.body["Resources"].items() if "UpdatePolicy" in one)
    (group_name,) = plain.of_type("AWS::CodeDeploy::DeploymentGroup")
    (check,) = (name for name, one in plain.of_type("AWS::Lambda::Function").items() if one.get("Handler"))
    assert {group_name, check} <= set(plain.body["Resources"][alias]["DependsOn"])
    # CodeDeploy gives up waiting for a check after an hour; the function must end before it is cut off.
    assert plain.of_type("AWS::Lambda::Function")[check]["Timeout"] == 900


def test_codedeploy_may_call_the_check_before_the_alias_moves(plain: SynthesisedTemplate) -> None:
    (check,) = (name for name, one in plain.of_type("AWS::Lambda::Function").items() if one.get("Handler"))
    (caller,) = (
        name
        for name, one in plain.body["Resources"].items()
        if one["Type"] == "AWS::IAM::Policy" and f'"{check}"' in json.dumps(one["Properties"]["PolicyDocument"])
    )
    (alias,) = (one for one in plain.body["Resources"].values() if "UpdatePolicy" in one)
    assert caller in alias["DependsOn"]


def test_a_tenth_of_the_requests_goes_to_the_new_version_for_five_minutes(plain: SynthesisedTemplate) -> None:
    routing = plain.one("AWS::CodeDeploy::DeploymentConfig")["TrafficRoutingConfig"]
    assert routing == {"Type": "TimeBasedCanary", "TimeBasedCanary": {"CanaryInterval": 5, "CanaryPercentage": 10}}


def test_the_alarms_of_the_api_take_a_deployment_back(plain: SynthesisedTemplate) -> None:
    alarms = plain.of_type("AWS::CloudWatch::Alarm")
    watched = {one["Name"] for one in group(plain)["AlarmConfiguration"]["Alarms"]}
    assert watched <= set(alarms)
    metrics = {alarms[name]["MetricName"] for name in watched}
    assert metrics == {"5xx", "Latency", "Errors", "Throttles", "ReloadFailures"}
    (new,) = (
        one
        for name, one in alarms.items()
        if name in watched and any(part["Name"] == "ExecutedVersion" for part in one["Dimensions"])
    )
    (version,) = (one for one in plain.of_type("AWS::Lambda::Version") if one.startswith("Serving"))
    function = plain.of_type("AWS::Lambda::Version")[version]["FunctionName"]
    assert {one["Name"]: one["Value"] for one in new["Dimensions"]} == {
        "FunctionName": function,
        "Resource": f"{function}:live",
        "ExecutedVersion": f"{version}.Version",
    }
    assert (new["Period"], new["EvaluationPeriods"], new["Threshold"]) == (60, 1, 1)
    assert group(plain)["AutoRollbackConfiguration"] == {
        "Enabled": True,
        "Events": ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_REQUEST", "DEPLOYMENT_STOP_ON_ALARM"],
    }


def test_all_at_once_still_tries_the_version_but_no_alarm_stops_a_fix(tmp_path: Path) -> None:
    template = synthesise(tmp_path, canaryPercent="100")
    assert group(template)["DeploymentConfigName"] == "CodeDeployDefault.LambdaAllAtOnce"
    assert "Alarms" not in group(template).get("AlarmConfiguration", {})
    assert "DEPLOYMENT_STOP_ON_ALARM" not in group(template)["AutoRollbackConfiguration"]["Events"]
    ((_, policy),) = update_policies(template).items()
    assert "BeforeAllowTrafficHook" in policy


def test_the_share_and_the_time_are_chosen_by_context(tmp_path: Path) -> None:
    template = synthesise(tmp_path, canaryPercent="25", canaryMinutes="15")
    routing = template.one("AWS::CodeDeploy::DeploymentConfig")["TrafficRoutingConfig"]
    assert routing["TimeBasedCanary"] == {"CanaryInterval": 15, "CanaryPercentage": 25}


def test_behind_a_front_door_the_check_sends_the_header_that_the_api_requires(tmp_path: Path) -> None:
    app = App(context=FLAGS, outdir=str(tmp_path), builtin_cloud_formation_validation=False)
    stack = build(app, Config.from_context({"frontDoor": "true"}))
    rollout = stack.node.find_child("Rollout")
    assert isinstance(rollout, Rollout)
    (variables,) = (
        one["Properties"]["Environment"]["Variables"]
        for one in app.synth().get_stack_by_name("Lookalike").template["Resources"].values()
        if one["Type"] == "AWS::Lambda::Function" and "NEW_VERSION" in one["Properties"]["Environment"]["Variables"]
    )
    headers = json.dumps(variables["HEADERS"])
    assert "X-Lookalike-Origin" in headers
    assert "resolve:secretsmanager:" in headers


def test_warm_instances_follow_their_use_between_two_numbers(tmp_path: Path) -> None:
    template = synthesise(tmp_path, provisionedConcurrency="2", provisionedMaximum="8")
    target = template.one("AWS::ApplicationAutoScaling::ScalableTarget")
    assert (target["MinCapacity"], target["MaxCapacity"]) == (2, 8)
    assert target["ScalableDimension"] == "lambda:function:ProvisionedConcurrency"
    policy = template.one("AWS::ApplicationAutoScaling::ScalingPolicy")["TargetTrackingScalingPolicyConfiguration"]
    assert policy["TargetValue"] == 0.7
    metric = policy["PredefinedMetricSpecification"]["PredefinedMetricType"]
    assert metric == "LambdaProvisionedConcurrencyUtilization"


@pytest.mark.parametrize(
    ("context", "message"),
    [
        ({"provisionedMaximum": "8"}, "requires provisionedConcurrency"),
        ({"provisionedMaximum": "2", "provisionedConcurrency": "2"}, r"must be more than provisionedConcurrency \(2\)"),
        (
            {"provisionedMaximum": "9", "provisionedConcurrency": "2", "reservedConcurrency": "5"},
            r"must be less than reservedConcurrency \(5\)",
        ),
        ({"provisionedConcurrency": "5", "reservedConcurrency": "5"}, r"must be less than reservedConcurrency \(5\)"),
        ({"canaryPercent": "0"}, "from 1 to 100"),
    ],
)
def test_numbers_that_fail_at_the_deployment_are_refused_before(context: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Config.from_context(context)
