"""Reads a synthesised template: replaces intrinsic functions by strings, and finds resources by their purpose."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

PSEUDO = {
    "AWS::AccountId": "123456789012",
    "AWS::Partition": "aws",
    "AWS::Region": "us-east-1",
    "AWS::StackId": "arn:aws:cloudformation:us-east-1:123456789012:stack/Lookalike/1",
    "AWS::StackName": "Lookalike",
    "AWS::URLSuffix": "amazonaws.com",
}
# Resources whose Ref is their ARN; the Ref of all others is a name.
_REF_IS_ARN = {"AWS::StepFunctions::StateMachine", "AWS::SNS::Topic", "AWS::Lambda::Alias", "AWS::IAM::OIDCProvider"}


@dataclass(frozen=True)
class SynthesisedTemplate:
    """A template as JSON."""

    body: Mapping[str, Any]

    def of_type(self, kind: str) -> dict[str, dict[str, Any]]:
        """Rendered properties by logical id."""
        return {
            name: self.render(resource.get("Properties", {}))
            for name, resource in self.body["Resources"].items()
            if resource["Type"] == kind
        }

    def one(self, kind: str) -> dict[str, Any]:
        """The properties of the only resource of a type."""
        (properties,) = self.of_type(kind).values()
        return properties

    def output(self, name: str) -> str:
        """The rendered value of an output."""
        return str(self.render(self.body["Outputs"][name]["Value"]))

    def function(self, command: str) -> dict[str, Any]:
        """The Lambda function that runs `command`."""
        (found,) = (
            one
            for one in self.of_type("AWS::Lambda::Function").values()
            if one.get("ImageConfig", {}).get("Command") == [command]
        )
        return found

    def alias(self, command: str) -> str:
        """The ARN of the alias of the function that runs `command`."""
        (found,) = (
            name
            for name, one in self.of_type("AWS::Lambda::Alias").items()
            if self.of_type("AWS::Lambda::Function")[one["FunctionName"]]["ImageConfig"]["Command"] == [command]
        )
        return self.arn(found)

    @cached_property
    def bucket(self) -> str:
        """The name of the store's bucket: the versioned one."""
        (name,) = (
            name for name, bucket in self.of_type("AWS::S3::Bucket").items() if "VersioningConfiguration" in bucket
        )
        return name

    @cached_property
    def flow(self) -> dict[str, Any]:
        """The training state machine, parsed."""
        return dict(json.loads(self.one("AWS::StepFunctions::StateMachine")["DefinitionString"]))

    def statements(self, role_arn: str) -> Iterator[dict[str, Any]]:
        """Every statement of the identity policies of a role."""
        for name, role in self.of_type("AWS::IAM::Role").items():
            if role_arn != self.arn(name):
                continue
            for inline in role.get("Policies", ()):
                yield from inline["PolicyDocument"]["Statement"]
            for policy in self.of_type("AWS::IAM::Policy").values():
                if name in policy["Roles"]:
                    yield from policy["PolicyDocument"]["Statement"]

    def bucket_statements(self) -> Iterator[dict[str, Any]]:
        """Every statement of the store's bucket policy."""
        for policy in self.of_type("AWS::S3::BucketPolicy").values():
            if policy["Bucket"] == self.bucket:
                yield from policy["PolicyDocument"]["Statement"]

    def arn(self, name: str) -> str:
        """What `Fn::GetAtt: [name, Arn]` is rendered as."""
        kind = self.body["Resources"][name]["Type"]
        if kind == "AWS::S3::Bucket":
            return f"arn:aws:s3:::{name}"
        if kind == "AWS::S3Vectors::VectorBucket":
            return f"arn:aws:s3vectors:us-east-1:123456789012:bucket/{name.lower()}"
        if kind == "AWS::Lambda::Alias":
            alias = self.body["Resources"][name]["Properties"]
            function = self.render(alias["FunctionName"])
            return f"arn:aws:lambda:us-east-1:123456789012:function:{function}:{alias['Name']}"
        return f"arn:aws:{kind.split('::')[1].lower()}:us-east-1:123456789012:{name}"

    def render(self, value: Any) -> Any:
        """The value with its intrinsic functions replaced."""
        if isinstance(value, list):
            return [self.render(one) for one in value]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((key, argument),) = value.items()
            if key == "Ref":
                return self._ref(argument)
            if key == "Fn::Join":
                return argument[0].join(map(str, self.render(argument[1])))
            if key == "Fn::Sub" and isinstance(argument, str):
                return re.sub(r"\$\{([^}]+)\}", lambda match: self._ref(match[1]), argument)
            if key == "Fn::GetAtt":
                return (
                    self.arn(argument[0])
                    if argument[1] in ("Arn", "VectorBucketArn")
                    else f"{argument[0]}.{argument[1]}"
                )
            if key == "Fn::GetStackOutput":
                return "{StackName}.{OutputName}@{Region}".format(**argument)
            if key == "Fn::FindInMap":
                table, first, second = self.render(argument)
                return self.body["Mappings"][table][first][second]
            if key == "Fn::Split":
                return self.render(argument[1]).split(argument[0])
            if key == "Fn::Select":
                return self.render(argument[1])[int(argument[0])]
            if key.startswith("Fn::"):
                raise NotImplementedError(key)
        return {key: self.render(one) for key, one in value.items()}

    def _ref(self, name: str) -> str:
        if name in PSEUDO:
            return PSEUDO[name]
        if name in self.body["Resources"] and self.body["Resources"][name]["Type"] in _REF_IS_ARN:
            return self.arn(name)
        return name
