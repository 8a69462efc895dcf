"""Templates with a front door, each synthesised once per session and checked by cdk-nag."""

import pytest

from tests.cdk.conftest import synthesise_all
from tests.cdk.template import SynthesisedTemplate

DOMAIN = "search.shop.example"
ID = "12345678-1234-1234-1234-123456789012"
Stacks = dict[str, SynthesisedTemplate]


def certificate(region: str) -> str:
    return f"arn:aws:acm:{region}:123456789012:certificate/{ID}"


@pytest.fixture(scope="session")
def doors(tmp_path_factory: pytest.TempPathFactory) -> Stacks:
    """A front door in Ireland, with its own address of CloudFront: three stacks."""
    return synthesise_all(tmp_path_factory.mktemp("door"), nag=True, region="eu-west-1", frontDoor=True)


@pytest.fixture(scope="session")
def door(doors: Stacks) -> SynthesisedTemplate:
    """The main stack of `doors`."""
    return doors["Lookalike"]


@pytest.fixture(scope="session")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Stacks:
    """A front door in us-east-1 with a domain, a zone, the second secret and photos that need a sign-in."""
    return synthesise_all(
        tmp_path_factory.mktemp("closed"),
        nag=True,
        region="us-east-1",
        frontDoor=True,
        domain=DOMAIN,
        certificate=certificate("us-east-1"),
        hostedZone="Z0123456789",
        originSecret=2,
        wafRate=500,
        openImages=False,
        origins="https://shop.example",
    )


@pytest.fixture(scope="session")
def named(tmp_path_factory: pytest.TempPathFactory) -> SynthesisedTemplate:
    """A domain for the API itself, for signed requests; DNS is made elsewhere."""
    (template,) = synthesise_all(
        tmp_path_factory.mktemp("named"),
        nag=True,
        region="eu-west-1",
        auth="iam",
        domain=DOMAIN,
        certificate=certificate("eu-west-1"),
    ).values()
    return template
