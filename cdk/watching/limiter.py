"""Limits what the stack can spend, and undoes that. Runs in Lambda, which gets this text alone: it imports boto3 only.

The API answers one request a second, and no training job can start. Events: a message of AWS Budgets, or by hand
`{"limit": true}` and `{"restore": true}`. Each step may be repeated.
"""

import os
from collections.abc import Callable, Mapping
from typing import Any

import boto3
from botocore.exceptions import ClientError

LIMITED = (1.0, 1)


def handler(event: Mapping[str, Any], _context: object) -> dict[str, str]:
    """Limit or restore; the answer says which.

    Raises:
        ValueError: the event is none of those above.
        RuntimeError: a step failed; the other one was still made.
    """
    restore = event.get("restore") is True
    if not (restore or event.get("limit") is True or event.get("Records")):
        raise ValueError(f"{event!r} asks neither to limit nor to restore")
    clients = {name: boto3.client(name) for name in ("apigatewayv2", "iam")}
    steps = [lambda: throttle(clients["apigatewayv2"], os.environ, restore)]
    if os.environ.get("TRAINING_ROLE"):  # some regions have no training
        steps.append(lambda: allow_training(clients["iam"], os.environ, restore))
    failures = [failure for step in steps if (failure := tried(step))]
    if failures:
        raise RuntimeError("; ".join(failures))
    print(f"spending: {'restored' if restore else 'limited'}")
    return {"spending": "restored" if restore else "limited"}


def throttle(gateway: Any, environ: Mapping[str, str], restore: bool) -> None:
    """Set the request rate and burst of the API's stage."""
    rate, burst = (float(environ["RATE"]), int(environ["BURST"])) if restore else LIMITED
    settings = {"ThrottlingRateLimit": rate, "ThrottlingBurstLimit": burst}
    gateway.update_stage(ApiId=environ["API"], StageName="$default", DefaultRouteSettings=settings)


def allow_training(iam: Any, environ: Mapping[str, str], allow: bool) -> None:
    """Detach or attach the policy that denies new training jobs."""
    names = {"RoleName": environ["TRAINING_ROLE"], "PolicyArn": environ["NO_TRAINING"]}
    if not allow:
        iam.attach_role_policy(**names)
        return
    try:
        iam.detach_role_policy(**names)
    except iam.exceptions.NoSuchEntityException:
        print("training was not stopped")


def tried(step: Callable[[], None]) -> str | None:
    """Make a step; returns the reason if AWS refuses it."""
    try:
        step()
    except ClientError as exc:
        return str(exc)
    return None
