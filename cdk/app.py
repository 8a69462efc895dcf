"""The CDK app: `cdk synth` and `cdk deploy` run it as `python -m cdk.app`."""

import sys

from aws_cdk import App, Validations
from cdk_nag import AwsSolutionsChecks

from cdk.config import Config, ConfigError
from cdk.stack import LookalikeStack


def main() -> int:
    """Synthesise the stack that the context describes; exit code 2 and one line where the context is bad."""
    app = App()
    try:
        config = Config.from_context(app.node.get_all_context())
    except ConfigError as exc:
        print(f"cdk: {exc}", file=sys.stderr)
        return 2
    build(app, config)
    try:
        app.synth()
    except RuntimeError as exc:  # all that Python is told of an error in the CDK
        if "ValidationFailed" not in str(exc):
            raise
        print(f"cdk: {exc}", file=sys.stderr)
        return 1
    return 0


def build(app: App, config: Config) -> LookalikeStack:
    """Add the stack to an app, with cdk-nag watching if `config.nag`."""
    if config.nag:
        Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    return LookalikeStack(app, config.stack_name, config=config)


if __name__ == "__main__":
    sys.exit(main())
