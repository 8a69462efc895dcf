"""Context keys: the size, image and number of the two functions."""

from dataclasses import dataclass

from cdk.context.rules import (
    REGISTRY,
    REPOSITORY,
    key,
    matching,
    one_of,
    whole,
)


@dataclass(frozen=True)
class ServingKeys:
    """The two functions: their size, image and number."""

    memory: int = key(3008, whole(512, 10240, "MB"), "memory of the API function; CPU grows with it")
    promoter_memory: int = key(3008, whole(512, 10240, "MB"), "memory of the promoter")
    storage: int = key(
        2048, whole(512, 10240, "MB"), "scratch disk of each function: room for two releases and an archive"
    )
    architecture: str = key("x86_64", one_of("x86_64", "arm64"), "processor of both functions")
    image: str | None = key(
        None,
        matching(
            rf"{REGISTRY}{REPOSITORY}@sha256:[0-9a-f]{{64}}", "[<registry>/]<ECR repository>@sha256:<64 hex digits>"
        ),
        "deploy this image of ECR instead of building Dockerfile.lambda; without a registry: of the stack's account",
    )
    rebuild: str | None = key(
        None,
        matching(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", "a date or another word"),
        "a new value builds the image again on the newest base image, with its security updates",
    )
    provisioned_concurrency: int | None = key(
        None,
        whole(1, 1000),
        "API instances kept warm; unset: none, and the first request after a pause waits for a cold start",
    )
    provisioned_maximum: int | None = key(
        None,
        whole(2, 1000),
        "warm API instances when 70 % of them are busy, from provisionedConcurrency up to this; unset: always as many",
    )
    reserved_concurrency: int | None = key(
        None,
        whole(1, 1000),
        "maximum of API instances at once; unset: the account's limit (new accounts cannot set it)",
    )
    promoter_concurrency: int | None = key(
        None, whole(1, 1000), "maximum of promoter instances at once; unset: the account's limit"
    )
    reload_seconds: int = key(30, whole(0, 86400, "seconds"), "how often the API looks for a new release")
    canary_percent: int = key(
        10,
        whole(1, 100, "percent of the requests"),
        "what a new version of the API gets first; an alarm rolls it back. 100: all at once, whatever the alarms say",
    )
    canary_minutes: int = key(5, whole(1, 1440, "minutes"), "how long it gets only these")
