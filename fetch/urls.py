"""Check the URL of a photo and turn it into what is asked of which host."""

import re
from dataclasses import dataclass
from ipaddress import IPv6Address
from urllib.parse import quote, urlsplit

from fetch.failure import FetchFailedError

HTTPS_PORT = 443
MOST_CHARACTERS = 8000
_HOST = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*")
_STRAY_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_PATH_SAFE = "%/:@!$&'()*+,;=~[]"


@dataclass(frozen=True)
class Target:
    """What to ask.

    Attributes:
        host: in lower case and in ASCII (a name, or an address without brackets).
        port: of TCP.
        path: path and query in ASCII, as they go into the request. May hold secrets: never print it.
    """

    host: str
    port: int
    path: str

    @property
    def host_header(self) -> str:
        """Host and port as HTTP writes them."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        return name if self.port == HTTPS_PORT else f"{name}:{self.port}"


def parse_url(url: str, extra_port: int | None = None, http_as_https: bool = False) -> Target:
    """The target of a URL. Blanks and letters outside ASCII are encoded; the fragment is dropped.

    Args:
        extra_port: a port that is allowed besides 443.
        http_as_https: ask for an http URL by https.

    Raises:
        FetchFailedError: `bad_url`, `not_https` or `refused_port`. Messages hold no user name, password or query.
    """
    if len(url) > MOST_CHARACTERS:
        raise FetchFailedError("bad_url", f"the URL has {len(url):,} characters; the limit is {MOST_CHARACTERS:,}")
    if _CONTROL.search(url):  # before urlsplit, which drops some of them
        raise FetchFailedError("bad_url", "the URL holds a control character")
    try:
        parts = urlsplit(f"https:{url}" if url.startswith("//") else url)
        port = parts.port
    except ValueError as exc:
        raise FetchFailedError("bad_url", "the host or the port is malformed") from exc
    if parts.scheme == "http" and http_as_https:
        port = None if port == 80 else port
    elif parts.scheme != "https":
        raise FetchFailedError("not_https", f"the scheme is {parts.scheme[:20]!r}; only https is downloaded")
    if "@" in parts.netloc:
        raise FetchFailedError("bad_url", "the URL holds a user name or a password")
    if port not in (None, HTTPS_PORT, extra_port):
        raise FetchFailedError("refused_port", f"the port is {port}; only {HTTPS_PORT} is asked")
    query = f"?{_encoded(parts.query, _PATH_SAFE + '?')}" if parts.query else ""
    path = _encoded(parts.path, _PATH_SAFE) or "/"
    host = parts.hostname or ""
    if "[" in parts.netloc and ":" not in host:
        raise FetchFailedError("bad_url", "the host in brackets is no address")
    return Target(_ascii_host(host), HTTPS_PORT if port is None else port, path + query)


def _ascii_host(host: str) -> str:
    if ":" in host:
        try:
            if (address := IPv6Address(host)).scope_id is None:
                return str(address)
        except ValueError:
            pass
        raise FetchFailedError("bad_url", "the host is no address")
    try:
        name = host.encode("idna").decode("ascii").lower().removesuffix(".")
    except UnicodeError as exc:
        raise FetchFailedError("bad_url", "the host cannot be written in DNS") from exc
    if not _HOST.fullmatch(name) or len(name) > 253:
        raise FetchFailedError("bad_url", "the URL has no host" if not name else "the host holds a wrong character")
    return name


def _encoded(text: str, safe: str) -> str:
    return quote(_STRAY_PERCENT.sub("%25", text), safe=safe)
