"""The pipeline's own stack: what must exist before a pipeline can deploy the service.

It is deployed by hand, and the pipeline never changes it: the role and the images stay when the service is deleted.
"""

from aws_cdk import CfnOutput, Stack
from constructs import Construct

from cdk.context.config import Config
from cdk.context.regions import DEFAULT_REGION
from cdk.pipeline.images import image_repository
from cdk.pipeline.role import deploying_role

SUFFIX = "-Pipeline"


class PipelineStack(Stack):
    """A role for GitHub Actions, its OIDC provider, and a repository for images.

    Attributes:
        repository: the images.
        role: jobs in the named environments of the named repository may assume it.
    """

    def __init__(self, scope: Construct, *, config: Config) -> None:
        """Make the stack `<stackName>-Pipeline`.

        Raises:
            ValueError: the settings name no repository of GitHub.
        """
        if config.github_repository is None:
            raise ValueError("a pipeline's stack requires githubRepository")
        super().__init__(
            scope,
            f"{config.stack_name}{SUFFIX}",
            description=f"Lookalike: role and images of the pipeline of {config.github_repository}",
        )
        self.repository = image_repository(self, "Images")
        self.role = deploying_role(
            self,
            "Role",
            repository=config.github_repository,
            environments=config.github_environments,
            provider=config.github_provider,
            region=config.region or DEFAULT_REGION,
            images=self.repository,
        )
        for name, value, description in (
            ("RoleArn", self.role.role_arn, "Variable AWS_ROLE_ARN of the repository on GitHub"),
            ("RepositoryUri", self.repository.repository_uri, "Where the pipeline pushes images"),
        ):
            CfnOutput(self, name, value=value, description=description)
