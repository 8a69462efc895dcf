"""Two stacks with different names in one account and region share no name."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cdk.conftest import synthesise, synthesise_all
from tests.cdk.template import SynthesisedTemplate

# Properties that look like the name of a resource, but need to be unique only within another resource, or never.
NOT_UNIQUE_IN_AN_ACCOUNT = {
    ("AWS::ApiGatewayV2::Stage", "StageName"): "within its API",
    ("AWS::ApiGatewayV2::Authorizer", "Name"): "within its API",
    ("AWS::ApiGatewayV2::Api", "Name"): "a label; the id of an API is unique",
    ("AWS::CloudWatch::Alarm", "MetricName"): "of AWS; the dimensions name the resource or the stack",
    ("AWS::IAM::Policy", "PolicyName"): "within its role",
    ("AWS::Lambda::Alias", "Name"): "within its function",
    ("AWS::SNS::Topic", "DisplayName"): "the sender of emails",
}

# Outside us-east-1, a front door brings two more stacks.
DOOR: dict[str, Any] = {"frontDoor": True, "region": "eu-west-1"}


def names(template: SynthesisedTemplate, stack: str) -> Iterator[tuple[str, str, str]]:
    """Type, property and value of every physical name, as CloudFormation sees it in a stack of this name."""
    for resource in template.body["Resources"].values():
        for key, value in _named(resource.get("Properties", {})):
            if (resource["Type"], key) not in NOT_UNIQUE_IN_AN_ACCOUNT:
                yield resource["Type"], key, _in_stack(template, value, stack)


def _named(properties: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in properties.items():
        if re.search(r"(Name|Domain)$", key):
            yield key, value
        if isinstance(value, dict) and re.search(r"Budget$|PolicyConfig$|ControlConfig$", key):
            yield from _named(value)


def _in_stack(template: SynthesisedTemplate, value: Any, stack: str) -> str:
    """The value as text, in which the name of each resource of the stack begins with the stack's name."""
    text = json.dumps(value)
    own = re.findall(r'"(?:Ref|Fn::GetAtt)": \[?"(\w+)"', text)
    marked = [f"{stack}/{name}" for name in own if name in template.body["Resources"]]
    for pseudo in ("AWS::StackName", "AWS::StackId"):
        text = text.replace(f'{{"Ref": "{pseudo}"}}', f'"{stack}"')
    return " ".join([text, *marked])


@pytest.mark.slow
def test_no_physical_name_of_two_stacks_is_equal(plain: SynthesisedTemplate, tmp_path: Path) -> None:
    other = synthesise(tmp_path, stackName="Lookalike-Staging")
    ours, theirs = set(names(plain, "Lookalike")), set(names(other, "Lookalike-Staging"))
    assert "AWS::Logs::LogGroup" in {kind for kind, _, _ in ours}
    assert ours & theirs == set()


@pytest.mark.slow
def test_no_physical_name_of_two_front_doors_is_equal(tmp_path: Path) -> None:
    found = []
    for stack in ("Lookalike", "Lookalike-Staging"):
        templates = synthesise_all(tmp_path / stack, stackName=stack, **DOOR)
        found.append({name for template in templates.values() for name in names(template, stack)})
    assert "AWS::CloudFront::CachePolicy" in {kind for kind, _, _ in found[0]}
    assert found[0] & found[1] == set()


@pytest.mark.parametrize(
    ("fixture", "stack"),
    [
        ("chosen", "staging"),
        ("public", "Lookalike"),
        ("signed", "Lookalike"),
        ("operated", "Lookalike"),
        ("pipeline", "x"),
    ],
)
def test_every_physical_name_of_further_options_comes_from_its_stack(
    fixture: str, stack: str, request: pytest.FixtureRequest
) -> None:
    template = request.getfixturevalue(fixture)
    assert [name for name in names(template, stack) if stack not in name[2]] == []


@pytest.mark.parametrize("fixture", ["plain", "chosen", "pipeline"])
def test_no_stack_exports_a_name(fixture: str, request: pytest.FixtureRequest) -> None:
    outputs = request.getfixturevalue(fixture).body["Outputs"]
    assert [name for name, output in outputs.items() if "Export" in output] == []


def test_each_rule_takes_events_of_its_own_resources_only(chosen: SynthesisedTemplate) -> None:
    own = set(chosen.body["Resources"])
    for rule in chosen.of_type("AWS::Events::Rule").values():
        pattern = rule.get("EventPattern")
        assert pattern is None or any(name in json.dumps(pattern) for name in own), rule


def test_a_name_that_both_stacks_would_have_is_found() -> None:
    body = {"Resources": {"Group": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "/lookalike/api"}}}}
    template = SynthesisedTemplate(body)
    assert set(names(template, "A")) & set(names(template, "B")) == {
        ("AWS::Logs::LogGroup", "LogGroupName", '"/lookalike/api"')
    }
