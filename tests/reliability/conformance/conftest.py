"""The catalogue of the suite, served by each engine."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from reliability.conformance.service.shop import Shop, build_shop
from reliability.conformance.service.subject import Subject, publish, serving


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """The catalogue with a flat index; tests must not change it."""
    return build_shop(tmp_path_factory.mktemp("shop"))


@pytest.fixture(scope="package", params=["flat", "ivf-float16"])
def subject(request: pytest.FixtureRequest, shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Subject]:
    """A service of the catalogue."""
    folder = tmp_path_factory.mktemp(request.param)
    with ExitStack() as stack:
        held = shop if request.param == "flat" else build_shop(folder / "release", index=request.param)
        yield stack.enter_context(serving(request.param, held, publish(held, folder / "store")))
