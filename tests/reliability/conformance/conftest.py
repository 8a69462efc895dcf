"""The catalogue of the suite, served by each engine."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from reliability.conformance.service.shop import Shop, build_shop
from reliability.conformance.service.subject import Subject, publish, serving
from tests.s3vectors.filling import fill
from tests.s3vectors.server import VECTOR_BUCKET, S3VectorsServer


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """The catalogue with a flat index; tests must not change it."""
    return build_shop(tmp_path_factory.mktemp("shop"))


@pytest.fixture(scope="package", params=["flat", "ivf-float16", "s3vectors"])
def subject(
    request: pytest.FixtureRequest,
    shop: Shop,
    tmp_path_factory: pytest.TempPathFactory,
    started_s3vectors: S3VectorsServer,
) -> Iterator[Subject]:
    """A service of the catalogue."""
    folder = tmp_path_factory.mktemp(request.param)
    with ExitStack() as stack:
        if request.param == "s3vectors":
            started_s3vectors.reset()
            patch = stack.enter_context(pytest.MonkeyPatch.context())
            for name, value in started_s3vectors.environment().items():
                patch.setenv(name, value)
            fill(
                started_s3vectors.client(),
                VECTOR_BUCKET,
                shop.manifest.model.sha256,
                shop.items,
                shop.vectors,
                list(shop.prints),
            )
            store = publish(shop, folder / "store")
            settings = {"search": "s3vectors", "vector_bucket": VECTOR_BUCKET}
            yield stack.enter_context(serving("s3vectors", shop, store, **settings))
            return
        held = shop if request.param == "flat" else build_shop(folder / "release", index=request.param)
        yield stack.enter_context(serving(request.param, held, publish(held, folder / "store")))
