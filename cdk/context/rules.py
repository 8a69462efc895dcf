"""The valid values of context keys: how the text of a value is checked and read. Pure Python: no AWS, no jsii."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

_PORT = r"(6553[0-5]|655[0-2]\d|65[0-4]\d\d|6[0-4]\d{3}|[1-5]\d{4}|[1-9]\d{0,3})"
_HOST = r"(?=.{1,253}(:|$))[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*"
ORIGIN = re.compile(rf"https?://{_HOST}(:{_PORT})?")
# What lambda_app/settings.py takes too: it refuses other addresses at the start of the function, after the deployment.
SECURE_ORIGIN = re.compile(rf"https://{_HOST}(:{_PORT})?")
ISSUER = re.compile(rf"{SECURE_ORIGIN.pattern}(/[!-+\--~]*)?")
# A host name with a dot, as a certificate has it: DNS names are lower case there.
HOST = re.compile(rf"(?=.*\.)(?!.*[A-Z]){_HOST}")
# A repository, or the registry of an account and region with it, as `docker push` and the console show it.
REGISTRY = r"(\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.(com|com\.cn|eu)/)?"
REPOSITORY = r"[a-z0-9]+([._-][a-z0-9]+)*(/[a-z0-9]+([._-][a-z0-9]+)*)*"
PRINCIPAL = re.compile(
    r"arn:aws[a-z-]*:(iam::\d{12}:(root|(user|role)/[\w+=,.@/-]+)|sts::\d{12}:assumed-role/[\w+=,.@-]+/[\w+=,.@-]+)",
    re.ASCII,
)
EMAIL = re.compile(r"[^@\s,]+@[^@\s,]+\.[^@\s,]+")


@dataclass(frozen=True)
class Rule:
    """How a key's text becomes its value. `takes` describes the valid texts; `parse` raises ValueError for others."""

    takes: str
    parse: Callable[[str], Any]


def whole(low: int, high: int, unit: str = "") -> Rule:
    """A whole number from `low` to `high`."""

    def parse(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not low <= (value := int(text)) <= high:
            raise ValueError(text)
        return value

    return Rule(f"a whole number{f' of {unit}' if unit else ''} from {low:,} to {high:,}".replace(",", ""), parse)


def one_of(*choices: str) -> Rule:
    """One of these words."""

    def parse(text: str) -> str:
        if text not in choices:
            raise ValueError(text)
        return text

    return Rule("one of " + ", ".join(choices), parse)


def days(*choices: int) -> Rule:
    """One of these numbers."""
    texts = one_of(*map(str, choices))
    return Rule(texts.takes, lambda text: int(texts.parse(text)))


def matching(pattern: str | re.Pattern[str], takes: str) -> Rule:
    """A text that the whole pattern matches."""

    def parse(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(text)
        return text

    return Rule(takes, parse)


def list_of(pattern: str | re.Pattern[str], takes: str) -> Rule:
    """Such texts, separated by commas."""
    item = matching(pattern, takes)
    return Rule(takes, lambda text: tuple(item.parse(part.strip()) for part in text.split(",")))


BOOLEAN = Rule("true or false", {"true": True, "1": True, "false": False, "0": False}.__getitem__)


def key(default: Any, rule: Rule, meaning: str) -> Any:
    """A field of a dataclass that is a context key: its default, its valid values, and what it means to an operator."""
    return field(default=default, metadata={"rule": rule, "meaning": meaning})
