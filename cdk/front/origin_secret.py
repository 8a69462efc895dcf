"""The secret that CloudFront adds to each request, and without which the API's function refuses a request."""

from aws_cdk import RemovalPolicy
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from cdk import nag

# As in lambda_app/api/origin.py.
HEADER = "X-Lookalike-Origin"
LENGTH = 48


class OriginSecret(Construct):
    """Secret number N, which is in use, and number N + 1, which the function accepts already.

    So the next number can replace it without a refused request: CloudFront changes from N to N + 1 first, then the
    function from N and N + 1 to N + 1 and N + 2.

    Attributes:
        sent: what CloudFront sends, as a reference that CloudFormation resolves.
        accepted: what the function accepts, separated by commas.
    """

    def __init__(self, scope: Construct, id: str, *, number: int) -> None:
        """Make both secrets. Their values are in no template."""
        super().__init__(scope, id)
        self.sent, following = (self._made(one) for one in (number, number + 1))
        self.accepted = f"{self.sent},{following}"

    def _made(self, number: int) -> str:
        secret = secretsmanager.Secret(
            self,
            f"Number{number}",
            description="Sent by CloudFront to the API of the image search, which refuses requests without it",
            generate_secret_string=secretsmanager.SecretStringGenerator(
                password_length=LENGTH, exclude_punctuation=True
            ),
            removal_policy=RemovalPolicy.DESTROY,
        )
        nag.acknowledge(
            secret, "SMG4", "A rotation by itself would not reach CloudFront: context originSecret replaces the secret."
        )
        return secret.secret_value.unsafe_unwrap()
