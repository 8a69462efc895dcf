"""The CDK app: `cdk synth` and `cdk deploy` run it as `python -m cdk.app`."""

import sys

from aws_cdk import App, Validations
from cdk_nag import AwsSolutionsChecks

from cdk.config import Config, ConfigError
from cdk.stack import LookalikeStack


def main() -> int:
    """Synthesise the stack that the context describes. A bad context prints one line and gives exit code 2."""
    app = App()
    try:
        config = Config.from_context(app.node.get_all_context())
    except ConfigError as exc:
        print(f"cdk: {exc}", file=sys.stderr)
        return 2
    build(app, config)
    try:
        app.synth()
    except RuntimeError as exc:  # the only exception that Python gets for an error inside the CDK
        if "ValidationFailed" not in str(exc):
            raise
        print(f"cdk: {exc}", file=sys.stderr)
        return 1
    return 0


def build(app: App, config: Config) -> LookalikeStack:
    """Add the stack to an app. With `config.nag`, cdk-nag checks it."""
    if config.nag:
        Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    return LookalikeStack(app, config.stack_name, config=config)


if __name__ == "__main__":
    sys.exit(main())
