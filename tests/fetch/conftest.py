import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fetch.shop import Server, Shop, certificates


@pytest.fixture(scope="session")
def certificate_files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def shop(certificate_files: tuple[Path, Path]) -> Iterator[Shop]:
    """A server without pages; it stops after the test."""
    authority, own = certificate_files
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(own)
    made = Shop(authority)
    server = Server(made, tls)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.closing.set()
    server.shutdown()
    thread.join()
    server.server_close()
