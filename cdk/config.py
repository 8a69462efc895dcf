"""The settings of a deployment: every context key, its default and its valid values. Pure Python: no AWS, no jsii."""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from cdk.rules import (
    BOOLEAN,
    EMAIL,
    ORIGIN,
    PRINCIPAL,
    REGISTRY,
    REPOSITORY,
    Rule,
    days,
    list_of,
    matching,
    one_of,
    whole,
)

LOG_RETENTION_DAYS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 3653)

# Keys that the CDK's command line writes for itself (`cdk cli-telemetry`, `cdk acknowledge`); the stack ignores them.
CLI_KEYS = ("cli-telemetry", "acknowledged-issue-numbers")


class ConfigError(ValueError):
    """A context value is not valid. The message is one line with the key, the value and the valid values."""


def _key(default: Any, rule: Rule, meaning: str) -> Any:
    return field(default=default, metadata={"rule": rule, "meaning": meaning})


@dataclass(frozen=True)
class Config:
    """The settings of a deployment. Field `alarm_email` is context key `alarmEmail`: `cdk deploy -c alarmEmail=...`."""

    stack_name: str = _key(
        "Lookalike",
        matching(r"[A-Za-z][A-Za-z0-9-]{0,63}", "1 to 64 letters, digits and hyphens, a letter first"),
        "name of the CloudFormation stack; stacks with different names are independent",
    )
    region: str | None = _key(
        None,
        matching(r"[a-z]{2,4}(-[a-z]+)+-\d", "a region such as eu-west-1"),
        "region that the template is made for; unset: the one that the AWS CLI is signed in to, or us-east-1",
    )
    nag: bool = _key(False, BOOLEAN, "check the stack with cdk-nag's AwsSolutions rules while it is synthesised")

    memory: int = _key(3008, whole(512, 10240, "MB"), "memory of the API function; CPU grows with it")
    promoter_memory: int = _key(3008, whole(512, 10240, "MB"), "memory of the promoter")
    storage: int = _key(
        2048, whole(512, 10240, "MB"), "scratch disk of each function: room for two releases and an archive"
    )
    architecture: str = _key("x86_64", one_of("x86_64", "arm64"), "processor of both functions")
    image: str | None = _key(
        None,
        matching(
            rf"{REGISTRY}{REPOSITORY}@sha256:[0-9a-f]{{64}}", "[<registry>/]<ECR repository>@sha256:<64 hex digits>"
        ),
        "deploy this image of ECR instead of building Dockerfile.lambda; without a registry: of the stack's account",
    )
    rebuild: str | None = _key(
        None,
        matching(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", "a date or another word"),
        "a new value builds the image again on the newest base image, with its security updates",
    )
    provisioned_concurrency: int | None = _key(
        None,
        whole(1, 1000),
        "API instances kept warm; unset: none, and the first request after a pause waits for a cold start",
    )
    reserved_concurrency: int | None = _key(
        None,
        whole(1, 1000),
        "maximum of API instances at once; unset: the account's limit (new accounts cannot set it)",
    )
    promoter_concurrency: int | None = _key(
        None, whole(1, 1000), "maximum of promoter instances at once; unset: the account's limit"
    )
    reload_seconds: int = _key(30, whole(0, 86400, "seconds"), "how often the API looks for a new release")

    auth: str = _key(
        "iam",
        one_of("iam", "jwt", "none"),
        "who may call the API: requests signed with IAM, requests with a JWT, or anyone",
    )
    jwt_issuer: str | None = _key(
        None, matching(r"https://[^\s,]+", "an https:// URL"), "issuer of the tokens; required with auth=jwt"
    )
    jwt_audience: tuple[str, ...] = _key(
        (), list_of(r"[^\s,]+", "audiences separated by commas"), "accepted audiences; required with auth=jwt"
    )
    origins: tuple[str, ...] = _key(
        (),
        list_of(re.compile(rf"\*|{ORIGIN.pattern}"), "origins such as https://shop.example, separated by commas, or *"),
        "web origins whose pages may call the API and post to the bucket; unset: only the API's own page",
    )
    throttle_rate: int = _key(
        20, whole(1, 10000, "requests a second"), "sustained request rate before the API throttles"
    )
    throttle_burst: int = _key(40, whole(1, 5000, "requests"), "request burst before the API throttles")

    operator_principal: str | None = _key(
        None,
        matching(PRINCIPAL, "the ARN of an account's root, a user, a role or a role's session"),
        "who may assume the operator role; unset: principals of the account that signed in with MFA",
    )
    log_retention_days: int = _key(30, days(*LOG_RETENTION_DAYS), "days that logs are kept")
    drop_retention_days: int = _key(
        30, whole(1, 3650, "days"), "days that drops are kept; a promoted release stays in objects/"
    )
    alarm_email: str | None = _key(
        None, matching(EMAIL, "an email address"), "address for alarms; it must confirm the subscription once"
    )
    latency_alarm_ms: int = _key(3000, whole(1, 30000, "milliseconds"), "p95 latency that raises an alarm")
    budget: int | None = _key(
        None,
        whole(1, 1_000_000, "USD a month"),
        "monthly budget; warnings at 80 % spent and 100 % forecast; requires alarmEmail",
    )

    training_instance: str = _key(
        "ml.g5.xlarge",
        matching(r"ml\.[a-z0-9-]+\.[a-z0-9]+", "an instance type such as ml.g5.xlarge"),
        "instance type for training",
    )
    training_instances: int = _key(
        1, whole(1, 20, "machines"), "machines that train one job together; try a larger trainingInstance first"
    )
    training_image: str = _key(
        "2.9.0-gpu-py312-cu130-ubuntu22.04-sagemaker",
        matching(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", "a tag of AWS's pytorch-training image"),
        "AWS's PyTorch container that training runs in",
    )
    training_account: str | None = _key(
        None,
        matching(r"\d{12}", "an account of 12 digits"),
        "account of AWS's PyTorch container; unset: the one of the region, from a table",
    )
    training_spot: bool = _key(
        True, BOOLEAN, "train on spot capacity; after an interruption, training resumes from a checkpoint"
    )
    training_hours: int = _key(8, whole(1, 120, "hours"), "maximum computing time of a job")
    training_wait_hours: int = _key(
        24,
        whole(1, 672, "hours"),
        "maximum time from start to end, waits for spot capacity included; at least trainingHours",
    )
    training_volume: int = _key(100, whole(10, 16384, "GB"), "disk of the training instance")

    @property
    def image_region(self) -> str | None:
        """The region of the image's registry; None without an image or a registry."""
        found = re.match(r"\d{12}\.dkr\.ecr\.([a-z0-9-]+)\.", self.image or "")
        return found[1] if found else None

    @classmethod
    def from_context(cls, context: Mapping[str, Any]) -> "Config":
        """Read a CDK app's context.

        Args:
            context: the context. Keys of the CDK toolkit (with a colon or a slash, and `CLI_KEYS`) are ignored.

        Raises:
            ConfigError: an unknown key, or a value that is not valid for its key.
        """
        known = {key: entry for entry, key in zip(fields(cls), context_keys(), strict=True)}
        values = {}
        for key, value in context.items():
            if ":" in key or "/" in key or key in CLI_KEYS:
                continue
            if key not in known:
                near = difflib.get_close_matches(key, known, n=1)
                raise ConfigError(f"context key {key!r} is unknown{f'; did you mean {near[0]!r}?' if near else ''}")
            values[known[key].name] = _parse(key, value, known[key].metadata["rule"])
        config = cls(**values)
        _check_together(config)
        return config


def context_keys() -> list[str]:
    """The context keys, in the order of the fields of `Config`."""
    return [re.sub(r"_(\w)", lambda match: match[1].upper(), entry.name) for entry in fields(Config)]


def describe() -> list[tuple[str, str, str, str]]:
    """Key, default, valid values and meaning: the rows of the table in docs/aws.md."""
    return [
        (key, _shown(entry.default), entry.metadata["rule"].takes, entry.metadata["meaning"])
        for entry, key in zip(fields(Config), context_keys(), strict=True)
    ]


def _shown(default: Any) -> str:
    return "unset" if default in (None, ()) else str(default).lower() if isinstance(default, bool) else str(default)


def _parse(key: str, value: Any, rule: Rule) -> Any:
    # cdk.json may hold true and 3008 where `-c` gives "true" and "3008".
    text = str(value).lower() if isinstance(value, bool) else str(value).strip()
    try:
        return rule.parse(text)
    except (ValueError, KeyError) as exc:
        raise ConfigError(f"context {key}={text!r} is not valid: it takes {rule.takes}") from exc


def _check_together(config: Config) -> None:
    """Rules that involve two keys.

    Raises:
        ConfigError: two values contradict each other, or a required key is missing.
    """
    if config.auth == "jwt" and not (config.jwt_issuer and config.jwt_audience):
        raise ConfigError("context auth='jwt' requires jwtIssuer (an https:// URL) and jwtAudience")
    for key, value in (("jwtIssuer", config.jwt_issuer), ("jwtAudience", config.jwt_audience)):
        if value and config.auth != "jwt":
            raise ConfigError(f"context {key} is only valid with auth='jwt'; auth is {config.auth!r}")
    if config.budget is not None and config.alarm_email is None:
        raise ConfigError(f"context budget='{config.budget}' requires alarmEmail, the address for the warnings")
    if config.training_spot and config.training_wait_hours < config.training_hours:
        raise ConfigError(
            f"context trainingWaitHours='{config.training_wait_hours}' is less than trainingHours "
            f"({config.training_hours}); it must be at least that, because it includes the computing time"
        )
    reserved, warm = config.reserved_concurrency, config.provisioned_concurrency
    if reserved is not None and warm is not None and warm > reserved:
        raise ConfigError(f"context provisionedConcurrency='{warm}' is more than reservedConcurrency ({reserved})")
