"""Asks registries which versions they have. An answer maps each version to the reason of its withdrawal, or None."""

import json
import re
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote, unquote, urljoin, urlsplit

from packaging.utils import InvalidSdistFilename, InvalidWheelFilename, parse_sdist_filename, parse_wheel_filename

Published = dict[str, str | None]
# PEP 691 and PEP 503: PyPI answers the first; a mirror may have HTML alone.
_SIMPLE = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"
_SECONDS = 20.0
_MOST_BYTES = 64 << 20
_MOST_PAGES = 50


class RegistryError(Exception):
    """A registry did not answer with versions; the message says why."""


class UnreachableError(RegistryError):
    """A registry did not answer at all, so there is no use in asking it again."""


@dataclass(frozen=True)
class Addresses:
    """Where versions are published.

    Attributes:
        pypi: an index of PEP 503, as pip takes it.
        npm: a registry, as npm takes it.
        github: the API of GitHub.
        github_token: raises GitHub's limit of 60 requests an hour; may be empty.
        images: registry of an image's name -> its address, if that is not https://<registry>.
    """

    pypi: str = "https://pypi.org/simple"
    npm: str = "https://registry.npmjs.org"
    github: str = "https://api.github.com"
    github_token: str = field(default="", repr=False)
    images: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Answer:
    body: bytes
    headers: Mapping[str, str]

    def json(self) -> Any:
        try:
            return json.loads(self.body)
        except ValueError as exc:
            raise RegistryError("it answered no JSON") from exc


def pypi_versions(index: str, name: str) -> Published:
    """The versions of a package of a Python index. A version is withdrawn if all its files are yanked.

    Raises:
        RegistryError: the index did not answer, or not as PEP 503 or 691 say.
    """
    answer = _get(f"{index.rstrip('/')}/{re.sub(r'[-_.]+', '-', name).lower()}/", {"Accept": _SIMPLE})
    if "json" in answer.headers.get("Content-Type", ""):
        files = [(one["filename"], one.get("yanked", False)) for one in answer.json().get("files", ())]
    else:
        page = _Links()
        page.feed(answer.body.decode("utf-8", "replace"))
        files = page.files
    found: Published = {}
    for filename, yanked in files:
        if version := _version_of(filename):
            reason = None if yanked is False else (str(yanked) if isinstance(yanked, str) and yanked else "yanked")
            found[version] = reason if found.get(version, reason) is not None else None
    return found


def npm_versions(registry: str, name: str) -> Published:
    """The versions of a package of npm. A version is withdrawn if it is deprecated.

    Raises:
        RegistryError: the registry did not answer, or not as npm's does.
    """
    accept = {"Accept": "application/vnd.npm.install-v1+json, application/json;q=0.8"}
    versions = _get(f"{registry.rstrip('/')}/{quote(name, safe='@')}", accept).json().get("versions", {})
    return {
        version: str(entry["deprecated"]) if entry.get("deprecated") else None for version, entry in versions.items()
    }


def github_tags(addresses: Addresses, repository: str) -> Published:
    """The tags of a repository on GitHub: the first hundred that its API lists, the newest names among them.

    Raises:
        RegistryError: GitHub did not answer, or has no such repository.
    """
    headers = {"Accept": "application/vnd.github+json"}
    if addresses.github_token:
        headers["Authorization"] = f"Bearer {addresses.github_token}"
    tags = _get(f"{addresses.github.rstrip('/')}/repos/{repository}/tags?per_page=100", headers).json()
    return {tag["name"]: None for tag in tags}


def image_tags(addresses: Addresses, image: str) -> Published:
    """The tags of an image in a registry that anyone may read (OCI distribution specification, "Listing Tags").

    Raises:
        RegistryError: the registry did not answer, or wants somebody who has signed in.
    """
    host, _, name = image.partition("/")
    if not name or not re.search(r"[.:]", host):
        raise RegistryError(f"{image} names no registry")
    base = addresses.images.get(host, f"https://{host}").rstrip("/")
    address: str | None = f"{base}/v2/{name}/tags/list?n=1000"
    headers = {"Authorization": f"Bearer {token}"} if (token := _token(base, name)) else {}
    found: Published = {}
    for _ in range(_MOST_PAGES):
        answer = _get(str(address), headers)
        found |= dict.fromkeys(answer.json().get("tags") or ())
        link = re.match(r'<([^>]+)>;\s*rel="?next', answer.headers.get("Link", ""))
        if not link:
            break
        address = urljoin(base, link[1])
        if urlsplit(address).netloc != urlsplit(base).netloc:
            raise RegistryError("its next page is on another host")
    return found


def _token(base: str, name: str) -> str | None:
    """A token for anyone, if the registry wants one (OCI distribution, "token authentication")."""
    request = urllib.request.Request(f"{base}/v2/")  # noqa: S310 - _open refuses other schemes
    try:
        _open(request).close()
    except urllib.error.HTTPError as refusal:
        challenge = dict(re.findall(r'(\w+)="([^"]*)"', refusal.headers.get("WWW-Authenticate", "")))
        if refusal.code != 401 or "realm" not in challenge:
            raise RegistryError(f"it answered {refusal.code}") from refusal
        query = f"service={quote(challenge.get('service', ''))}&scope={quote(f'repository:{name}:pull')}"
        given = _get(f"{challenge['realm']}?{query}", {}).json()
        return str(given.get("token") or given.get("access_token") or "") or None
    except (urllib.error.URLError, OSError) as exc:
        raise UnreachableError(_reason(exc)) from exc
    return None


def _get(address: str, headers: Mapping[str, str]) -> _Answer:
    parts = urlsplit(address)
    if parts.username:
        # As pip does: a name and a password in the address become a header.
        login = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
        headers = {**headers, "Authorization": f"Basic {b64encode(login).decode()}"}
        address = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    request = urllib.request.Request(address)  # noqa: S310 - _open refuses other schemes
    for name, value in headers.items():
        # What proves who asks must not follow a redirect to another host.
        (request.add_unredirected_header if name == "Authorization" else request.add_header)(name, value)
    try:
        with _open(request) as answer:
            body = answer.read(_MOST_BYTES + 1)
            if len(body) > _MOST_BYTES:
                raise RegistryError(f"its answer has more than {_MOST_BYTES:,} bytes")
            return _Answer(body, answer.headers)
    except urllib.error.HTTPError as exc:
        raise RegistryError(f"it answered {exc.code}") from exc
    except (urllib.error.URLError, OSError) as exc:
        raise UnreachableError(_reason(exc)) from exc


def _open(request: urllib.request.Request) -> Any:
    if request.type not in ("http", "https"):
        raise RegistryError(f"its address begins with {request.type}:, not with https:")
    request.add_unredirected_header("User-Agent", "lookalike-outdated")
    return urllib.request.urlopen(request, timeout=_SECONDS)  # noqa: S310 - checked above


def _reason(exc: Exception) -> str:
    """Why a request failed, without its address, which may hold a password."""
    return str(getattr(exc, "reason", "") or exc) or type(exc).__name__


def _version_of(filename: str) -> str | None:
    try:
        if filename.endswith(".whl"):
            return str(parse_wheel_filename(filename)[1])
        return str(parse_sdist_filename(filename)[1])
    except (InvalidWheelFilename, InvalidSdistFilename):
        return None  # an egg, an installer


class _Links(HTMLParser):
    """The files of a page of PEP 503, each with the reason of its yank (PEP 592), or False."""

    def __init__(self) -> None:
        super().__init__()
        self.files: list[tuple[str, str | bool]] = []
        self._yanked: str | bool | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            given = dict(attrs)
            self._yanked = (given["data-yanked"] or True) if "data-yanked" in given else False

    def handle_data(self, data: str) -> None:
        if self._yanked is not None and data.strip():
            self.files.append((data.strip(), self._yanked))
            self._yanked = None
