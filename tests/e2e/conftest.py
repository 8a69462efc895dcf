"""An S3 server per module, a release, and processes that end with the module."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import pytest

from lambda_app.store.bucket import S3Store
from tests.e2e.lambda_process import LambdaProcess
from tests.lambda_app.conftest import BuiltRelease
from tests.lambda_events import BUCKET
from tests.releases import build_release, publish_directly
from tests.s3_server import S3Server

API = "lambda_app.handler.handler"
PROMOTER = "lambda_app.promoter.handler"
StartLambda = Callable[..., LambdaProcess]


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Server]:
    """An S3 server with one bucket; each store in it has a different prefix."""
    with closing(S3Server()) as server:
        yield server


@pytest.fixture(scope="module")
def start(s3: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartLambda]:
    """Start the function of a handler with the store under a prefix; keywords are further settings."""
    with ExitStack() as running:

        def start(handler: str, prefix: str, **settings: str) -> LambdaProcess:
            environ = {
                "AWS_ENDPOINT_URL": s3.url,
                "LOOKALIKE_STORE": f"s3://{BUCKET}/{prefix}",
                "LOOKALIKE_RELOAD_SECONDS": "0",
                **settings,
            }
            process = LambdaProcess(handler, tmp_path_factory.mktemp(prefix) / handler, environ)
            return running.enter_context(closing(process))

        yield start


@pytest.fixture(scope="module")
def open_prefix(s3: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], S3Store]:
    """The store under a prefix, opened as an operator opens it."""
    return lambda prefix: s3.store(prefix, tmp_path_factory.mktemp("operator"))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> BuiltRelease:
    """40 photos of 20 products; tests must not change it."""
    folder = tmp_path_factory.mktemp("release")
    return BuiltRelease(folder, build_release(folder))


@pytest.fixture(scope="module")
def shop(open_prefix: Callable[[str], S3Store], built: BuiltRelease) -> S3Store:
    """A store whose live release is `built` when the module begins."""
    store = open_prefix("shop")
    publish_directly(store, built.folder, built.manifest)
    return store


@pytest.fixture(scope="module")
def api(start: StartLambda, shop: S3Store) -> LambdaProcess:
    """The API of `shop`, which reads the pointer at every request."""
    return start(API, "shop")
