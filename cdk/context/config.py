"""The settings of a deployment: every context key, its default and its valid values. Pure Python: no AWS, no jsii."""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from cdk.context.access_keys import AccessKeys
from cdk.context.front_keys import FrontKeys, contradiction
from cdk.context.pipeline_keys import PipelineKeys
from cdk.context.rules import Rule
from cdk.context.search_keys import SearchKeys, search_contradiction
from cdk.context.serving_keys import ServingKeys
from cdk.context.stack_keys import StackKeys
from cdk.context.training_keys import TrainingKeys
from cdk.context.watching_keys import WatchingKeys

# Keys that the CDK's command line writes for itself (`cdk cli-telemetry`, `cdk acknowledge`); the stack ignores them.
CLI_KEYS = ("cli-telemetry", "acknowledged-issue-numbers")


class ConfigError(ValueError):
    """A context value is not valid. The message is one line with the key, the value and the valid values."""


# The fields of the last base come first.
@dataclass(frozen=True)
class Config(PipelineKeys, TrainingKeys, WatchingKeys, FrontKeys, AccessKeys, SearchKeys, ServingKeys, StackKeys):
    """The settings of a deployment. Field `alarm_email` is context key `alarmEmail`: `cdk deploy -c alarmEmail=...`."""

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
    if default in (None, ()):
        return "unset"
    if isinstance(default, tuple):
        return ",".join(default)
    return str(default).lower() if isinstance(default, bool) else str(default)


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
    _check_access(config)
    if problem := contradiction(config, config.auth):
        raise ConfigError(problem)
    if problem := search_contradiction(config):
        raise ConfigError(problem)
    if config.catalogue_writes and config.front_door:
        raise ConfigError(
            "context catalogueWrites='true' does not work with frontDoor='true': a signature covers the host name, "
            "which CloudFront changes. scripts/catalogue changes the catalogue with either"
        )
    if config.budget is not None and config.alarm_email is None:
        raise ConfigError(f"context budget='{config.budget}' requires alarmEmail, the address for the warnings")
    if config.budget_action and config.budget is None:
        raise ConfigError("context budgetAction='true' requires budget, the amount at which it acts")
    if (config.retrain is None) != (config.retrain_dataset is None):
        given, missing = ("retrain", "retrainDataset") if config.retrain else ("retrainDataset", "retrain")
        raise ConfigError(f"context {given} requires {missing}: a retraining needs a schedule and a data set")
    if config.training_spot and config.training_wait_hours < config.training_hours:
        raise ConfigError(
            f"context trainingWaitHours='{config.training_wait_hours}' is less than trainingHours "
            f"({config.training_hours}); it must be at least that, because it includes the computing time"
        )
    if config.github_provider and not config.github_repository:
        raise ConfigError("context githubProvider is only valid with githubRepository=OWNER/NAME")
    _check_concurrency(config)


def _check_concurrency(config: Config) -> None:
    reserved, warm, most = config.reserved_concurrency, config.provisioned_concurrency, config.provisioned_maximum
    if most is not None and warm is None:
        raise ConfigError(f"context provisionedMaximum='{most}' requires provisionedConcurrency, the minimum")
    if most is not None and warm is not None and most <= warm:
        raise ConfigError(f"context provisionedMaximum='{most}' must be more than provisionedConcurrency ({warm})")
    # If all instances are those kept warm for the alias, Lambda throttles calls of any other version: the check's.
    key, highest = ("provisionedMaximum", most) if most is not None else ("provisionedConcurrency", warm)
    if reserved is not None and highest is not None and highest >= reserved:
        raise ConfigError(
            f"context {key}='{highest}' must be less than reservedConcurrency ({reserved}): a new version is checked "
            "with an instance that is not kept warm"
        )


def _check_access(config: Config) -> None:
    if config.auth == "jwt" and not (config.jwt_issuer and config.jwt_audience):
        raise ConfigError("context auth='jwt' requires jwtIssuer (an https:// URL) and jwtAudience")
    defaults = Config()
    for auth, names in (
        ("jwt", ("jwt_issuer", "jwt_audience", "jwt_client_id", "jwt_scopes", "jwt_origins")),
        ("cognito", ("first_user", "mfa")),
    ):
        for entry, key in zip(fields(Config), context_keys(), strict=True):
            given = getattr(config, entry.name) != getattr(defaults, entry.name)
            if entry.name in names and given and config.auth != auth:
                raise ConfigError(f"context {key} is only valid with auth={auth!r}; auth is {config.auth!r}")
    if "openid" not in config.jwt_scopes:
        raise ConfigError(f"context jwtScopes='{','.join(config.jwt_scopes)}' must contain openid")
