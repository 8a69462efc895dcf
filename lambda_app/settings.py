"""All settings of serving: environment variable, default and range. Other modules get them from here."""

import difflib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from urllib.parse import urlsplit

from lambda_app.errors import SettingsError
from lambda_app.photo.rules import PhotoLimits

PREFIX = "LOOKALIKE_"
MIB = 1 << 20
# A Lambda gets one vCPU for every 1,769 MB (AWS Lambda quotas, "Memory").
MB_PER_VCPU = 1769
WRITERS = ("none", "iam", "open")  # the last one is for a service on one machine, not for a Lambda
SEARCH = ("release", "faiss", "s3vectors")
AUTH = ("none", "iam", "jwt", "cognito")
_SECURE = r"(https://[A-Za-z0-9.-]+(:\d{1,5})?|http://(127\.0\.0\.1|localhost)(:\d{1,5})?)"
_ORIGIN, _ISSUER = re.compile(_SECURE), re.compile(rf"{_SECURE}(/[!-~]*)?")
# A fixed host, then a path, query or fragment with at least one of the names in braces.
_ID, _URL_PART = r"\{(product_id|image_id)\}", r"[!#-;=?-\[\]_a-z~]*"
_LISTING = re.compile(rf"(https://[A-Za-z0-9.-]+(:\d{{1,5}})?)?/(?![/\\]){_URL_PART}({_ID}{_URL_PART})+")
_VECTOR_BUCKET = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
# scripts/ask reads this one.
_OF_CLIENTS = ("LOOKALIKE_TOKEN",)
# Long enough that nobody can guess it; no character that a header or a list cannot hold.
_SECRET = re.compile(r"[A-Za-z0-9]{32,128}")
# What a process that tries a drop inherits: enough to start Python, and no credentials.
_HARMLESS = ("PATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "TMPDIR", "TZ", "ORT_DISABLE_TELEMETRY")


@dataclass(frozen=True)
class Settings:
    """The settings of serving. Field `max_k` is read from `LOOKALIKE_MAX_K`, and so on.

    Attributes:
        store: `s3://bucket[/prefix]`, a folder, or `file://...`.
        threads: threads of ONNX Runtime and of FAISS for one request; 0: all cores.
        reload_seconds: time between reads of the live pointer; 0: at every request.
        reload_wait_seconds: how long the request that notices a new release waits until it is loaded.
        ready_wait_seconds: how long /readyz and other requests wait until the first release is loaded.
        forward_seconds: how long one forward pass may take before it is ended; 0: no limit.
        max_body_bytes, max_upload_bytes: limits of a request body and of a presigned upload.
        max_pixels, max_side: limits of a photo, checked in its header.
        decoding_bytes: memory for all photos that are decoded at once; 0: half of what the machine has free.
        max_k, max_batch: limits of results per query and of files per batch.
        parallel_requests: requests that are worked on at once; 0: one per core, but at least 2.
        queued_requests: requests that may wait for them.
        header_seconds, body_seconds: how long the head of a request, and then its body, may take to arrive.
        cors_origins: origins whose pages may call the API besides its own page, separated by commas; `*` for any.
        stack: name of the CloudFormation stack, which all metrics carry; empty outside of AWS.
        auth: who may call the API: none, iam, jwt or cognito. The page is told so; a gateway must check it.
        oidc_issuer, oidc_client_id: the OpenID provider that the page signs in at, and its public client; empty: the
            page offers no sign-in.
        oidc_scopes: what the page asks the provider for, separated by blanks.
        oidc_origins: further origins of the provider's endpoints, separated by commas; its issuer's needs no mention.
        origin_secret: values of the header `X-Lookalike-Origin`, one of which every request must carry, separated by
            commas; empty: requests need no such header. It is never logged, and `repr` leaves it out.
        photos_url: public address of the bucket's photos, by their keys; empty: answers have presigned URLs.
        listing_url: address of a listing in the shop, with {product_id} or {image_id}; empty: no links to it.
        other_releases: which releases besides the live one may be asked for: none; stored: all, one loaded at a time.
        catalogue_writes: who may change the catalogue over HTTP: none; iam: principals of IAM, as API Gateway names
            them; open: everyone who reaches the port.
        search: what searches the catalogue: release: what its manifest says; faiss, s3vectors: this, whatever it says.
        vector_bucket: name of the vector bucket of Amazon S3 Vectors; empty: releases that need one are not loaded.
    """

    store: str
    threads: int = 0
    reload_seconds: float = 30.0
    reload_wait_seconds: float = 0.0
    ready_wait_seconds: float = 20.0
    forward_seconds: float = 20.0
    max_body_bytes: int = 4 * MIB
    max_upload_bytes: int = 20 * MIB
    max_pixels: int = PhotoLimits.pixels
    max_side: int = PhotoLimits.side
    decoding_bytes: int = 0
    max_k: int = 100
    max_batch: int = 16
    parallel_requests: int = 0
    queued_requests: int = 32
    header_seconds: float = 10.0
    body_seconds: float = 30.0
    cors_origins: str = ""
    stack: str = ""
    auth: str = "none"
    oidc_issuer: str = ""
    oidc_client_id: str = ""
    oidc_scopes: str = "openid"
    oidc_origins: str = ""
    origin_secret: str = field(default="", repr=False)
    photos_url: str = ""
    listing_url: str = ""
    other_releases: str = "none"
    catalogue_writes: str = "none"
    search: str = "release"
    vector_bucket: str = ""

    @property
    def origin_secrets(self) -> tuple[str, ...]:
        """The valid values of the header `X-Lookalike-Origin`; empty: requests do not need it."""
        return tuple(self.origin_secret.split(",")) if self.origin_secret else ()

    @property
    def sign_in_origins(self) -> tuple[str, ...]:
        """The origins that the page calls to sign in, each once: of the issuer, then the further ones."""
        if not self.oidc_client_id:
            return ()
        issuer = urlsplit(self.oidc_issuer)
        further = (origin.strip() for origin in self.oidc_origins.split(",") if origin.strip())
        return tuple(dict.fromkeys((f"{issuer.scheme}://{issuer.netloc}", *further)))

    @property
    def photo_limits(self) -> PhotoLimits:
        """The size limits of a photo."""
        return PhotoLimits(pixels=self.max_pixels, side=self.max_side)

    def harmless(self) -> "Settings":
        """The settings that a process which handles untrusted files may see: no secret, no address of the store."""
        # Such a process reaches no network, so it searches files.
        return replace(self, store="", origin_secret="", photos_url="", search="faiss", vector_bucket="")

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] = os.environ) -> "Settings":
        """Read the settings.

        Raises:
            SettingsError: `LOOKALIKE_STORE` is missing, or a value is invalid; the message names it.
        """
        in_lambda = "AWS_LAMBDA_FUNCTION_NAME" in environ
        values: dict[str, str | int | float] = {
            "threads": _lambda_threads(environ) if in_lambda else 0,
            "reload_wait_seconds": 3.0 if in_lambda else 0.0,
            "decoding_bytes": (function_memory(environ) or 0) * MIB // 2 if in_lambda else 0,
        }
        for entry in fields(cls):
            name = PREFIX + entry.name.upper()
            if name in environ:
                values[entry.name] = _parse(name, environ[name], entry.type)
        if not values.get("store"):
            raise SettingsError(f"{PREFIX}STORE is not set; set it to s3://bucket[/prefix] or a folder")
        settings = cls(**values)  # type: ignore[arg-type]
        _check_sign_in(settings)
        _check_front(settings)
        _check_choice("CATALOGUE_WRITES", settings.catalogue_writes, WRITERS[:2] if in_lambda else WRITERS)
        _check_choice("OTHER_RELEASES", settings.other_releases, ("none", "stored"))
        _check_search(settings)
        return settings


def environment_names() -> list[str]:
    """The names of the variables that `from_environ` reads."""
    return [PREFIX + entry.name.upper() for entry in fields(Settings)]


def misspelt(environ: Mapping[str, str] = os.environ) -> list[str]:
    """A warning for each variable that begins with LOOKALIKE_ but is no setting; it names the most similar setting."""
    known = environment_names()
    return [
        f"the variable {name} is ignored: there is no such setting. Did you mean {nearest}?"
        for name in sorted(environ)
        if name.startswith(PREFIX) and name not in (*known, *_OF_CLIENTS)
        for nearest in difflib.get_close_matches(name, known, 1, 0.0)
    ]


def names_aws_account(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether the environment has AWS credentials and a region, as in Lambda; obstore then reads them itself."""
    return all(map(environ.get, ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"))) and aws_region(environ) is not None


def aws_region(environ: Mapping[str, str] = os.environ) -> str | None:
    """The region that the environment names; None: the profile's. botocore itself does not read AWS_REGION."""
    return environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or None


def harmless_environ(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The variables that a process which handles untrusted files may see: no credentials, no address of the store."""
    return {name: environ[name] for name in _HARMLESS if name in environ}


def provisioned(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether Lambda started this process before any request, to keep it warm (provisioned concurrency)."""
    return environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "provisioned-concurrency"


def function_memory(environ: Mapping[str, str] = os.environ) -> int | None:
    """Memory of the Lambda function that this process runs in, in MB; None outside of Lambda."""
    return int(memory) if (memory := environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "")).isdecimal() else None


def _parse(name: str, text: str, kind: object) -> str | int | float:
    if kind is str:
        return text
    try:
        value = int(text) if kind is int else float(text)
    except ValueError as exc:
        raise SettingsError(f"{name} is {text!r}; it takes a number") from exc
    if not 0 <= value < float("inf") or (name.startswith(f"{PREFIX}MAX_") and value < 1):
        raise SettingsError(
            f"{name} is {text!r}; it takes a number of at least {int(name.startswith(PREFIX + 'MAX_'))}"
        )
    return value


def _check_sign_in(settings: Settings) -> None:
    """Check what the page is told about signing in. Origins become part of a header, so they must be nothing else."""
    _check_choice("AUTH", settings.auth, AUTH)
    if bool(settings.oidc_issuer) is not bool(settings.oidc_client_id):
        raise SettingsError(f"{PREFIX}OIDC_ISSUER and {PREFIX}OIDC_CLIENT_ID are only valid together")
    if settings.oidc_issuer and not _ISSUER.fullmatch(settings.oidc_issuer):
        raise SettingsError(
            f"{PREFIX}OIDC_ISSUER is {settings.oidc_issuer!r}; it takes an https:// URL (http:// on this machine only)"
        )
    if "openid" not in settings.oidc_scopes.split():
        raise SettingsError(f"{PREFIX}OIDC_SCOPES is {settings.oidc_scopes!r}; it must contain openid")
    for origin in settings.sign_in_origins:
        if not _ORIGIN.fullmatch(origin):
            raise SettingsError(f"{PREFIX}OIDC_ORIGINS has {origin!r}; it takes origins such as https://login.example")


def _check_front(settings: Settings) -> None:
    """Check what concerns the front door. The message never shows a secret."""
    secrets = settings.origin_secrets
    for number, secret in enumerate(secrets, start=1):
        if not _SECRET.fullmatch(secret):
            raise SettingsError(
                f"{PREFIX}ORIGIN_SECRET: value {number} of {len(secrets)} has {len(secret)} characters; "
                "each takes 32 to 128 letters and digits, separated by commas"
            )
    if settings.photos_url and not _ORIGIN.fullmatch(settings.photos_url):
        raise SettingsError(
            f"{PREFIX}PHOTOS_URL is {settings.photos_url!r}; it takes an address such as https://search.shop.example"
        )
    if settings.listing_url and not _LISTING.fullmatch(settings.listing_url):
        example = "https://shop.example/items/{product_id}, or a path such as /items/{image_id}"
        raise SettingsError(f"{PREFIX}LISTING_URL is {settings.listing_url!r}; it takes an address such as {example}")


def _check_choice(name: str, given: str, known: tuple[str, ...]) -> None:
    if given not in known:
        raise SettingsError(f"{PREFIX}{name} is {given!r}; it takes one of {', '.join(known)}")


def _check_search(settings: Settings) -> None:
    _check_choice("SEARCH", settings.search, SEARCH)
    if settings.vector_bucket and not _VECTOR_BUCKET.fullmatch(settings.vector_bucket):
        raise SettingsError(
            f"{PREFIX}VECTOR_BUCKET is {settings.vector_bucket!r}; it takes the name of a vector bucket: 3 to 63 "
            "lower-case letters, digits and hyphens"
        )
    if settings.search == "s3vectors" and not settings.vector_bucket:
        raise SettingsError(f"{PREFIX}SEARCH is s3vectors, which needs {PREFIX}VECTOR_BUCKET, the name of its bucket")


def _lambda_threads(environ: Mapping[str, str]) -> int:
    return max(1, round((function_memory(environ) or 0) / MB_PER_VCPU))
