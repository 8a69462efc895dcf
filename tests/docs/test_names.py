"""Routes, settings and choices of a deployment that a page names exist."""

import re
from pathlib import Path

import pytest
from fastapi.routing import APIRoute

from cdk.context.config import context_keys
from lambda_app.api.app import create_app
from lambda_app.api.routes import status
from lambda_app.settings import Settings, environment_names
from tests.docs.markdown import ROOT, spans

# Not CHANGELOG.md: it names what an earlier version had.
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")] + sorted((ROOT / "docs").glob("*.md"))
# Variables of commands and of this project's CI, which serving does not read.
OF_COMMANDS = {"LOOKALIKE_TOKEN", "LOOKALIKE_SCREENSHOTS"}
# Texts that begin with a slash: addresses of other services, paths of a container, keys of the bucket.
NO_ROUTES = re.compile(r"/(opt/ml|aws|datasets|\.well-known|logout$|tmp|dev)\b|/\.well-known/")
FEWEST = {"routes": 40, "settings": 40, "keys": 40}


def known_routes() -> list[tuple[str, re.Pattern[str]]]:
    """Method and path of each route, as a pattern for the paths that a page shows."""
    described = create_app(Settings(store="unused", catalogue_writes="iam")).openapi()["paths"]
    routes = [(method.upper(), path) for path, methods in described.items() for method in methods]
    routes += [("GET", route.path.replace(":path", "")) for route in status.pages.routes if isinstance(route, APIRoute)]
    routes += [("GET", "/openapi.json"), ("GET", "/static/<version>/{name}"), ("GET", "/static/")]
    return [(method, re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path)))) for method, path in routes]


def routes_named(text: str) -> set[tuple[str, str]]:
    """Method (empty if none is named) and path of each text in backticks that looks like a route."""
    found = (re.fullmatch(r"(?:(GET|POST|PUT|DELETE) )?(/[^\s?]*)(\?\S*)?", span) for span in spans(text))
    named = {(one[1] or "", one[2]) for one in found if one}
    return {(method, path) for method, path in named if "..." not in path and not NO_ROUTES.match(path)}


def unknown_routes(text: str) -> set[tuple[str, str]]:
    routes = known_routes()
    return {
        (method, path)
        for method, path in routes_named(text)
        if not any(method in ("", verb) and pattern.fullmatch(path) for verb, pattern in routes)
    }


def settings_named(text: str) -> set[str]:
    return set(re.findall(r"LOOKALIKE_[A-Z_]*[A-Z]", text))


def keys_named(text: str) -> set[str]:
    return set(re.findall(r"(?<!\S)`?-c (\w+)=", text)) - {"KEY"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_names_exists(page: Path):
    text = page.read_text(encoding="utf-8")
    assert unknown_routes(text) == set()
    assert settings_named(text) - OF_COMMANDS - set(environment_names()) == set()
    assert keys_named(text) - set(context_keys()) == set()


def test_the_names_are_found():
    texts = [page.read_text(encoding="utf-8") for page in PAGES]
    assert sum(len(routes_named(text)) for text in texts) >= FEWEST["routes"]
    assert sum(len(settings_named(text)) for text in texts) >= FEWEST["settings"]
    assert sum(len(keys_named(text)) for text in texts) >= FEWEST["keys"]


def test_a_name_that_does_not_exist_is_found():
    assert unknown_routes("`POST /predict/colour`, `GET /predict` and `/item`") == {
        ("POST", "/predict/colour"),
        ("GET", "/predict"),
        ("", "/item"),
    }
    assert unknown_routes("`GET /items/{image_id}`, `/items/1001-1`, `/search?q=sofa` and `/items:batch`") == set()
    assert keys_named("`-c ownDomain=x` and `scripts/deploy -c autg=jwt`") == {"ownDomain", "autg"}
    assert settings_named("set `LOOKALIKE_MAKS_K=3`.") == {"LOOKALIKE_MAKS_K"}
