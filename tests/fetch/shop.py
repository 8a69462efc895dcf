"""A shop's image server on a free local port: HTTPS with a certificate of its own authority, answers of any kind."""

import io
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from PIL import Image

from fetch.addresses import is_public
from fetch.connections import Network
from fetch.settings import FetchSettings

HOSTS = ("shop.test", "cdn.test", "other.test")
LOOPBACK = "127.0.0.1"
Page = Callable[[BaseHTTPRequestHandler], None]


def photo(colour: int = 0, kind: str = "JPEG") -> bytes:
    """A tiny photo; another colour gives other bytes."""
    file = io.BytesIO()
    Image.new("RGB", (8, 8), (colour, 0, 0)).save(file, kind)
    return file.getvalue()


def answer(body: bytes, status: int = 200, **headers: str) -> Page:
    """A page with this body. `Content_Type="text/html"` becomes a header; an empty value leaves a header out."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}

    def page(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | given).items():
            if value:
                request.send_header(name, value)
        request.end_headers()
        request.wfile.write(body)

    return page


def redirect(to: str, status: int = 302) -> Page:
    return answer(b"", status, Location=to)


def in_turn(*pages: Page) -> Page:
    """The first page for the first request, and so on; the last one for all further requests."""
    left = list(pages)

    def page(request: BaseHTTPRequestHandler) -> None:
        (left.pop(0) if len(left) > 1 else left[0])(request)

    return page


@dataclass
class Shop:
    """A running server.

    Attributes:
        pages: by path and query.
        asked: host and path of each request.
        connections: how many were made.
    """

    authority: Path
    pages: dict[str, Page] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    connections: int = 0
    closing: threading.Event = field(default_factory=threading.Event)
    port: int = 0

    def url(self, path: str, host: str = "shop.test") -> str:
        return f"https://{host}:{self.port}{path}"

    def add(self, path: str, page: Page | bytes, host: str = "shop.test") -> str:
        """Add a page or a photo; its URL."""
        self.pages[path] = answer(page) if isinstance(page, bytes) else page
        return self.url(path, host)

    def network(self, addresses: dict[str, list[str]] | None = None) -> Network:
        """How to reach it: its hosts are at the loopback address, which is allowed here and nowhere else."""
        known = {host: [LOOPBACK] for host in HOSTS} | (addresses or {})

        def resolve(host: str) -> list[str]:
            if host not in known:
                raise OSError("Name or service not known")
            return known[host]

        tls = ssl.create_default_context(cafile=self.authority)
        return Network(resolve, lambda address: address == LOOPBACK or is_public(address), tls)

    def settings(self, **changes: Any) -> FetchSettings:
        return FetchSettings(**{"extra_port": self.port, "backoff_seconds": 0, "parallel": 4} | changes)


class Server(ThreadingHTTPServer):
    """Serves a shop; each connection has a thread."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, shop: Shop, tls: ssl.SSLContext) -> None:
        super().__init__((LOOPBACK, 0), Handler)
        self.shop = shop
        self.tls = tls
        shop.port = self.server_port

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: clients that hang up are what the tests are about."""


class Handler(BaseHTTPRequestHandler):
    """Answers by the shop's pages."""

    protocol_version = "HTTP/1.1"
    server: Server
    says_goodbye = False

    def setup(self) -> None:
        self.server.shop.connections += 1
        self.request.settimeout(20)
        self.request = self.server.tls.wrap_socket(self.request, server_side=True)
        super().setup()

    def finish(self) -> None:
        try:
            super().finish()
            if self.says_goodbye:
                self.request.unwrap()
        finally:
            self.request.close()

    def do_GET(self) -> None:
        shop = self.server.shop
        shop.asked.append((self.headers["Host"].partition(":")[0], self.path))
        shop.headers.append(dict(self.headers))
        shop.pages.get(self.path, answer(b"no such page", 404))(self)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def certificates(folder: Path) -> tuple[Path, Path]:
    """Make an authority and a certificate for HOSTS: files of the authority, and of the certificate with its key."""
    now = datetime.now(UTC)
    names = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)]) for text in ("authority", "shop.test")]
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in names]
    made = []
    for place, name in enumerate(names):
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(names[0])
            .public_key(keys[place].public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=place == 0, path_length=None), critical=True)
        )
        if place:
            hosts = x509.SubjectAlternativeName([x509.DNSName(host) for host in HOSTS])
            builder = builder.add_extension(hosts, critical=False)
        made.append(builder.sign(keys[0], hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    key = keys[1].private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    authority, own = folder / "authority.pem", folder / "own.pem"
    authority.write_bytes(made[0])
    own.write_bytes(key + made[1])
    return authority, own
