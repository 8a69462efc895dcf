"""scripts/smoke.py as a person runs it, against the real API on a local port; and scripts/deploy, which runs it."""

import json
import os
import runpy
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from lambda_app.api.app import create_app
from lambda_app.settings import Settings
from lambda_app.store.folder import FolderStore
from operate.smoke.steps import STEPS
from tests.client.conftest import run, serve
from tests.releases import build_release, publish_directly

ROOT = Path(__file__).parents[2]


class Done(NamedTuple):
    """The exit code and the output of a run."""

    code: int
    out: str
    err: str


Smoke = Callable[..., Done]


@pytest.fixture
def smoke(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Smoke:
    """Run the script in this process, without credentials and tokens of this machine."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "LOOKALIKE_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)

    def smoke(*arguments: object) -> Done:
        monkeypatch.setattr(sys, "argv", ["smoke.py", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(str(ROOT / "scripts" / "smoke.py"), run_name="__main__")
        assert isinstance(ended.value.code, int)
        return Done(ended.value.code, *capsys.readouterr())

    return smoke


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> FolderStore:
    store = FolderStore(tmp_path_factory.mktemp("shop"))
    folder = tmp_path_factory.mktemp("release")
    publish_directly(store, folder, build_release(folder))
    return store


@pytest.fixture(scope="module")
def url(shop: FolderStore) -> Iterator[str]:
    yield from run(shop, shop.root)


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    root = tmp_path_factory.mktemp("empty")
    yield from run(FolderStore(root), root)


@pytest.fixture
def outputs(tmp_path: Path) -> Callable[..., Path]:
    """The file that `cdk deploy` writes."""

    def write(url: str, **further: str) -> Path:
        file = tmp_path / "outputs.json"
        file.write_text(json.dumps({"Edge": {"Other": "x"}, "Lookalike": {"ApiUrl": url, **further}}))
        return file

    return write


def test_every_route_is_checked_and_its_time_printed(smoke: Smoke, url: str) -> None:
    done = smoke("--url", url)
    assert (done.code, done.err) == (0, "")
    address, *lines, summary = done.out.splitlines()
    assert address == url
    assert summary == f"{len(STEPS)} checks, 0 failed"
    for step, line in zip(STEPS, lines, strict=True):
        result, milliseconds, unit, *rest = line.split()
        assert (result, unit) == ("ok", "ms")
        assert int(milliseconds.replace(",", "")) >= 0
        assert " ".join(rest).startswith(step.route)


def test_an_api_without_a_release_fails_unless_that_is_allowed(smoke: Smoke, empty: str) -> None:
    done = smoke("--url", empty)
    assert done.code == 1
    assert "FAILED" in done.out
    assert "no release yet" in done.out
    allowed = smoke("--url", f"{empty}/", "--allow-empty")
    assert (allowed.code, "FAILED" in allowed.out) == (0, False)


def test_an_address_where_nobody_answers_is_one_failed_check(smoke: Smoke) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, but not listening: connections are refused
        done = smoke("--url", f"http://127.0.0.1:{taken.getsockname()[1]}")
    assert done.code == 1
    assert "GET /healthcheck  nothing answers at http://127.0.0.1:" in done.out
    assert done.out.splitlines()[-1] == "1 checks, 1 failed"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--url", "search.shop.example"], "takes an address such as https://"),
        (["--url", "http://127.0.0.1:9", "--token", "two words"], "is no bearer token"),
        (["--outputs", "/no/such/file.json"], "does not exist; run scripts/deploy"),
    ],
)
def test_bad_arguments_are_one_line(smoke: Smoke, arguments: list[str], message: str) -> None:
    done = smoke(*arguments)
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert len(done.err.splitlines()) == 1


def test_a_deployment_without_an_api_such_as_a_pipelines_has_nothing_to_check(smoke: Smoke, tmp_path: Path) -> None:
    file = tmp_path / "outputs.json"
    file.write_text('{"Lookalike-Pipeline": {"RepositoryUri": "x"}}')
    done = smoke("--outputs", file)
    assert (done.code, done.err) == (0, "")
    assert "has no output ApiUrl: there is no API to check" in done.out


def test_the_api_of_a_deployment_is_found_and_checked(smoke: Smoke, url: str, outputs: Callable[..., Path]) -> None:
    done = smoke("--outputs", outputs(url))
    assert done.code == 0
    assert done.out.splitlines()[-1] == f"{len(STEPS)} checks, 0 failed"


@pytest.mark.parametrize(
    ("auth", "hint"),
    [("cognito", "set LOOKALIKE_TOKEN to a token to check all"), ("iam", "there are no AWS credentials")],
)
def test_a_deployment_that_cannot_be_called_is_checked_by_its_open_routes(
    smoke: Smoke, shop: FolderStore, outputs: Callable[..., Path], auth: str, hint: str
) -> None:
    for url in run(shop, shop.root, auth=auth):
        done = smoke("--outputs", outputs(url))
    assert done.code == 0
    assert hint in done.out
    assert done.out.splitlines()[-1] == f"{sum(step.is_open for step in STEPS)} checks, 0 failed"


def gateway(app: ASGIApp, token: str) -> ASGIApp:
    """The application behind what API Gateway does with auth=cognito: closed routes need this token."""
    opened = {"/", "/healthcheck", "/config.json", "/docs", "/openapi.json"}

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        given = dict(scope["headers"]).get(b"authorization")
        if scope["path"] in opened or scope["path"].startswith("/static/") or given == f"Bearer {token}".encode():
            await app(scope, receive, send)
        else:
            await JSONResponse({"message": "Unauthorized"}, 401)(scope, receive, send)

    return answer


def test_a_token_opens_the_closed_routes_and_its_lack_is_named(
    smoke: Smoke, shop: FolderStore, outputs: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    app = create_app(Settings(store=str(shop.root), auth="cognito"), shop)
    for url in serve(gateway(app, "abc.def")):
        refused, wrong = smoke("--url", url), smoke("--url", url, "--token", "abc.xyz")
        given = smoke("--url", url, "--token", "abc.def")
        monkeypatch.setenv("LOOKALIKE_TOKEN", "abc.def")
        deployed = smoke("--outputs", outputs(url))
    for done in (refused, wrong):
        assert done.code == 1
        assert "401 Unauthorized" in done.out
        assert "401: a token is missing or not valid: --token" in done.out.splitlines()
    for done in (given, deployed):
        assert (done.code, done.out.splitlines()[-1]) == (0, f"{len(STEPS)} checks, 0 failed")


def test_a_domain_without_its_dns_record_is_named_and_no_failure(
    smoke: Smoke, outputs: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(*_: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    done = smoke("--outputs", outputs("https://search.shop.example", DomainTarget="d1.cloudfront.net"))
    assert (done.code, done.err) == (0, "")
    assert "https://search.shop.example is not checked; it needs a DNS record (output DomainTarget)" in done.out


def deploy(tmp_path: Path, *arguments: str, outputs: bool = True, result: int = 0) -> tuple[int, list[str], str]:
    """Run scripts/deploy with a fake CDK and a fake check; its exit code, the arguments of the check, its profile."""
    for folder in ("scripts", "node_modules/.bin", "cdk.out"):
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
    for name in ("deploy", "environment.sh"):
        shutil.copy(ROOT / "scripts" / name, tmp_path / "scripts")
    written = "echo '{}' > cdk.out/outputs.json" if outputs else "true"
    programs = {
        "scripts/node_packages.sh": "true",
        "scripts/setup": "true",
        "node_modules/.bin/cdk": f"{written}; exit {result}",
        "scripts/smoke": 'printf "%s\\n" "$@" > called; echo "${AWS_PROFILE:-}" > profile; exit "${SMOKE:-0}"',
    }
    for name, text in programs.items():
        (tmp_path / name).write_text(f"#!/bin/bash\n{text}\n")
        (tmp_path / name).chmod(0o755)
    environ = {name: value for name, value in os.environ.items() if name != "AWS_PROFILE"}
    command = [str(tmp_path / "scripts" / "deploy"), "--yes", *arguments]
    done = subprocess.run(command, env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    called, profile = tmp_path / "called", tmp_path / "profile"
    words = called.read_text().split() if called.exists() else []
    return done.returncode, words, profile.read_text().strip() if profile.exists() else ""


def test_a_deployment_is_checked_with_the_credentials_that_deployed_it(tmp_path: Path) -> None:
    checked = ["--outputs", "cdk.out/outputs.json", "--allow-empty"]
    assert deploy(tmp_path, "-c", "memory=4096") == (0, checked, "")
    assert deploy(tmp_path, "--profile", "shop") == (0, checked, "shop")
    assert deploy(tmp_path, "--profile=staging") == (0, checked, "staging")


def test_a_failed_check_is_the_exit_code_of_the_deployment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMOKE", "1")
    assert deploy(tmp_path)[0] == 1


def test_a_failed_deployment_is_not_checked(tmp_path: Path) -> None:
    assert deploy(tmp_path, result=3) == (3, [], "")


def test_where_nothing_was_deployed_nothing_is_checked(tmp_path: Path) -> None:
    (tmp_path / "cdk.out").mkdir()
    (tmp_path / "cdk.out" / "outputs.json").write_text('{"Lookalike": {"ApiUrl": "https://old.example"}}')
    assert deploy(tmp_path, "--help", outputs=False) == (0, [], "")


@pytest.mark.parametrize(
    ("given", "passed"),
    [
        ([], None),
        (["--yes"], "--require-approval never --yes"),
        (["--require-approval", "broadening"], "--require-approval broadening"),
    ],
)
def test_without_a_terminal_permissions_change_only_if_that_is_said(
    tmp_path: Path, given: list[str], passed: str | None
) -> None:
    deploy(tmp_path)
    cdk = tmp_path / "node_modules" / ".bin" / "cdk"
    cdk.write_text('#!/bin/bash\necho "$@" > asked\n')
    command = [str(tmp_path / "scripts" / "deploy"), *given]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    asked = tmp_path / "asked"
    if passed is None:
        assert (done.returncode, asked.exists()) == (2, False)
        assert "Run it in a terminal, or give --yes" in done.stderr
    else:
        assert asked.read_text() == f"deploy --all --outputs-file cdk.out/outputs.json {passed}\n"
