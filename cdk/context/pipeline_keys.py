"""Context keys: the pipeline on GitHub that deploys the service."""

from dataclasses import dataclass

from cdk.context.rules import (
    key,
    list_of,
    matching,
)

# Names alone, or with GitHub's numbers: the subject of a token has the numbers in repositories made since July 2026.
_OWNER, _NAME, _ID = r"[A-Za-z0-9][A-Za-z0-9-]{0,38}", r"[A-Za-z0-9._-]{1,100}", r"@[1-9][0-9]{0,19}"
_REPOSITORY = rf"{_OWNER}/{_NAME}|{_OWNER}{_ID}/{_NAME}{_ID}"


@dataclass(frozen=True)
class PipelineKeys:
    """The pipeline's stack: a role for GitHub Actions and a repository for images."""

    github_repository: str | None = key(
        None,
        matching(_REPOSITORY, "OWNER/NAME, or OWNER@ID/NAME@ID for a repository whose tokens have its numbers"),
        "make only the pipeline's stack, <stackName>-Pipeline, for this repository; give it with -c, not in cdk.json",
    )
    github_environments: tuple[str, ...] = key(
        ("staging", "production"),
        list_of(r"[A-Za-z0-9_.-]{1,100}", "names of environments separated by commas"),
        "environments of the repository whose jobs may assume the pipeline's role",
    )
    github_provider: str | None = key(
        None,
        matching(
            r"arn:aws[a-z-]*:iam::\d{12}:oidc-provider/token\.actions\.githubusercontent\.com",
            "the ARN of the account's OIDC provider for token.actions.githubusercontent.com",
        ),
        "use this provider; unset: make one, which fails if the account has one, because it can have only one",
    )
