"""The catalogue of the suite, served by each engine."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lambda_app.catalogue.vectors.index import VectorsIndex
from reliability.conformance.account import filled_index
from reliability.conformance.service.shop import Shop, build_shop
from reliability.conformance.service.subject import Subject, publish, serving
from tests.s3vectors.server import VECTOR_BUCKET, S3VectorsServer


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """The catalogue with a flat index; tests must not change it."""
    return build_shop(tmp_path_factory.mktemp("shop"))


@contextmanager
def serving_s3vectors(server: S3VectorsServer, shop: Shop, folder: Path) -> Iterator[Subject]:
    """A service whose catalogue is in an index of the server, which is deleted in the end."""
    store = publish(shop, folder)
    index = VectorsIndex.of_model(server.client(), VECTOR_BUCKET, shop.manifest.model.sha256)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in server.environment().items():
            patch.setenv(name, value)
        with (
            filled_index(index, shop, store),
            serving("s3vectors", shop, store, search="s3vectors", vector_bucket=VECTOR_BUCKET) as subject,
        ):
            yield subject


# The sizes of the pages of a query are not documented; a page may be empty.
ODD_PAGES = (29, 1, 0, 53)


@pytest.fixture(scope="module", params=["flat", "ivf-float16", "ivf-int8", "s3vectors", "s3vectors in odd pages"])
def subject(
    request: pytest.FixtureRequest,
    shop: Shop,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Subject]:
    """A service of the catalogue; tests must not change it."""
    folder = tmp_path_factory.mktemp(request.param)
    if request.param.startswith("s3vectors"):
        server = request.getfixturevalue("started_s3vectors")
        server.reset()
        server.backend.pages.sizes = ODD_PAGES if request.param.endswith("odd pages") else (100,)
        with serving_s3vectors(server, shop, folder / "store") as subject:
            yield subject
        return
    held = shop if request.param == "flat" else build_shop(folder / "release", index=request.param)
    with serving(request.param, held, publish(held, folder / "store")) as subject:
        yield subject
