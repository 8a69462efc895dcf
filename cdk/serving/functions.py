"""The Lambda functions. They share one container image; each has its own command, role and log group."""

from pathlib import Path

from aws_cdk import Duration, Size, Stack
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_ecr_assets as assets
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from cdk.context.config import Config
from cdk.log_group import log_group
from cdk.permissions import function_role
from cdk.serving.rollout import versions

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = "Dockerfile.lambda"

_ARCHITECTURES = {
    "x86_64": (lambda_.Architecture.X86_64, assets.Platform.LINUX_AMD64),
    "arm64": (lambda_.Architecture.ARM_64, assets.Platform.LINUX_ARM64),
}


class ImageFunction(Construct):
    """A Lambda function from the project's image.

    Attributes:
        function: the function, with X-Ray tracing.
        role: may write the function's logs and traces; the stack grants everything else.
        log_group: what the function logs.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        config: Config,
        command: str,
        memory: int,
        timeout: Duration,
        reserved_concurrency: int | None,
        environment: dict[str, str],
    ) -> None:
        """Make the function.

        Args:
            command: the handler within the image, such as `lambda_app.handler.handler`.
            memory: MB.
            reserved_concurrency: maximum of instances at once; None means the account's limit.
        """
        super().__init__(scope, id)
        self.log_group = log_group(self, "Logs", config.log_retention_days)
        self.role = function_role(self, "Role", self.log_group)
        self.function = lambda_.DockerImageFunction(
            self,
            "Function",
            code=_code(self, config, command),
            architecture=_ARCHITECTURES[config.architecture][0],
            role=self.role,
            log_group=self.log_group,
            memory_size=memory,
            ephemeral_storage_size=Size.mebibytes(config.storage),
            timeout=timeout,
            reserved_concurrent_executions=reserved_concurrency,
            tracing=lambda_.Tracing.ACTIVE,
            current_version_options=versions(),
            environment={"ORT_DISABLE_TELEMETRY": "1", **environment},
        )


def _code(scope: Construct, config: Config, command: str) -> lambda_.DockerImageCode:
    """The image: built from the Dockerfile at deployment (`.dockerignore` selects the files), or one in ECR.

    The command is not part of the image, so functions with different commands share one image.
    """
    if config.image is None:
        return lambda_.DockerImageCode.from_image_asset(
            str(ROOT),
            file=DOCKERFILE,
            platform=_ARCHITECTURES[config.architecture][1],
            cmd=[command],
            # The hash of the image covers the project's files only: a patched base image alone would not be built.
            build_args={"REBUILD": config.rebuild} if config.rebuild else None,
            cache_disabled=True if config.rebuild else None,
        )
    name, digest = config.image.split("@")
    host, _, path = name.partition("/")
    if config.image_region is None:
        repository = ecr.Repository.from_repository_name(scope, "Repository", name)
    else:
        arn = Stack.of(scope).format_arn(
            service="ecr",
            account=host.partition(".")[0],
            region=config.image_region,
            resource="repository",
            resource_name=path,
        )
        repository = ecr.Repository.from_repository_attributes(
            scope, "Repository", repository_arn=arn, repository_name=path
        )
    return lambda_.DockerImageCode.from_ecr(repository, tag_or_digest=digest, cmd=[command])
