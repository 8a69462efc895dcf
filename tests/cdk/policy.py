"""Evaluates IAM policies as AWS does for one account: an explicit Deny wins, and no Allow means no access."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

# Condition keys of every request of our callers.
_USUAL = {"aws:SecureTransport": "true", "s3:TlsVersion": "1.3"}


def allowed(
    statements: Iterable[Mapping[str, Any]], action: str, resource: str, context: Mapping[str, str] | None = None
) -> bool:
    """Whether the statements let a request pass.

    Args:
        statements: of the caller's policies and the resource's, rendered.
        context: further condition keys of the request.
    """
    facts = {**_USUAL, **(context or {})}
    effects = {one["Effect"] for one in statements if _applies(one, action, resource, facts)}
    return "Allow" in effects and "Deny" not in effects


def _applies(statement: Mapping[str, Any], action: str, resource: str, facts: Mapping[str, str]) -> bool:
    unknown = set(statement) - {"Sid", "Effect", "Principal", "Action", "Resource", "Condition"}
    if unknown:
        raise NotImplementedError(f"policy elements {unknown}")
    return (
        any(_like(pattern.lower(), action.lower()) for pattern in _many(statement["Action"]))
        and any(_like(pattern, resource) for pattern in _many(statement["Resource"]))
        and all(
            _holds(operator, facts.get(key), _many(values))
            for operator, conditions in statement.get("Condition", {}).items()
            for key, values in conditions.items()
        )
    )


def _holds(operator: str, fact: str | None, values: list[Any]) -> bool:
    if operator.endswith("IfExists"):
        return fact is None or _holds(operator.removesuffix("IfExists"), fact, values)
    if fact is None:
        return False
    if operator == "StringLike":
        return any(_like(value, fact) for value in values)
    if operator in ("StringEquals", "ArnEquals"):
        return fact in values
    if operator == "Bool":
        return fact in [str(value).lower() for value in values]
    if operator == "NumericLessThan":
        return any(float(fact) < float(value) for value in values)
    raise NotImplementedError(operator)


def _like(pattern: str, text: str) -> bool:
    parts = (".*" if one == "*" else "." if one == "?" else re.escape(one) for one in pattern)
    return re.fullmatch("".join(parts), text, re.DOTALL) is not None


def _many(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
