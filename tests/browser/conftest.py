"""The page in a real Chromium, before the application of a small release, with a real OpenID provider."""

import os
import re
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import Browser, BrowserContext, Page, Request, sync_playwright
from starlette.types import ASGIApp

from lambda_app.api.app import create_app
from lambda_app.settings import Settings
from lambda_app.store.folder import FolderStore
from tests.browser.gateway import JwtGateway
from tests.releases import build_release, publish_directly

ROOT = Path(__file__).parents[2]
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
PHONE = {"width": 390, "height": 844}


@dataclass
class Provider:
    """A running OpenID provider."""

    issuer: str
    process: subprocess.Popen[str]

    def stop(self) -> None:
        """End it: nothing answers at its address any more."""
        self.process.terminate()
        self.process.communicate(timeout=10)


@dataclass
class Deployment:
    """A served page, what stands before it, and where people sign in."""

    url: str
    gateway: JwtGateway
    provider: Provider
    photo: Path


@dataclass
class Visit:
    """A visitor's tab, and every request that it sent."""

    page: Page
    requests: list[Request] = field(default_factory=list)

    def fill_in(self, person: str = "ann") -> None:
        """From the button of the page through the provider's form."""
        self.page.get_by_role("button", name="Sign in").click()
        self.page.locator("input[name=login]").fill(person)
        self.page.locator("input[name=password]").fill("any")
        self.page.locator("button[type=submit]").click()

    def sign_in(self, person: str = "ann") -> None:
        """The same, and wait for the way back."""
        self.fill_in(person)
        self.page.get_by_role("button", name="Sign out").wait_for()

    def search(self, photo: Path) -> None:
        """Choose a photo and wait for its results."""
        self.page.locator("#file").set_input_files(photo)
        self.page.get_by_text(re.compile("^20 listings, most similar first$")).wait_for()

    def restrict(self, highest: int) -> None:
        """Set the highest price."""
        field = self.page.get_by_label("Highest price")
        if field.is_hidden():
            self.page.get_by_role("button", name=re.compile("^Filters")).click()
        field.fill(str(highest))
        field.press("Tab")

    def grants(self) -> list[str]:
        """The kinds of the token requests that were sent, in order."""
        sent = [request.post_data or "" for request in self.requests if request.url.endswith("/token")]
        return [re.findall(r"grant_type=(\w+)", body)[0] for body in sent]

    def picture(self, name: str) -> None:
        """Screenshots for a desktop and for a phone, if the environment says where to."""
        folder = os.environ.get("LOOKALIKE_SCREENSHOTS")
        if folder:
            self.page.wait_for_load_state("networkidle")
            size = self.page.viewport_size
            self.page.screenshot(path=Path(folder) / f"{name}-desktop.png")
            self.page.set_viewport_size(PHONE)  # type: ignore[arg-type]
            self.page.screenshot(path=Path(folder) / f"{name}-phone.png")
            self.page.set_viewport_size(size)  # type: ignore[arg-type]


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Headless Chromium of this machine. Its driver's event loop runs in this thread until this folder's tests end."""
    if CHROMIUM is None:
        pytest.skip("there is no chromium on this machine")
    with sync_playwright() as playwright:
        # A container's root may not use Chromium's own sandbox.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A new profile. It reaches this machine only; the provider's form would load fonts."""
    context = browser.new_context(viewport={"width": 1280, "height": 860})
    context.set_default_timeout(15_000)
    context.route(re.compile(r"^https?://(?!127\.0\.0\.1)"), lambda route: route.abort())
    yield context
    context.close()


@pytest.fixture
def visit(context: BrowserContext) -> Visit:
    """A tab of that profile."""
    visit = Visit(context.new_page())
    visit.page.on("request", lambda request: visit.requests.append(request))
    return visit


@pytest.fixture(scope="package")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> tuple[FolderStore, Path]:
    """A store with a live release of 20 products, and a photo of one."""
    folder = tmp_path_factory.mktemp("release")
    store = FolderStore(tmp_path_factory.mktemp("store"))
    publish_directly(store, folder, build_release(folder, printed=True, referenced=True))
    return store, folder / "photos" / "003a.jpg"


Deploy = Callable[..., Deployment]


@pytest.fixture
def deploy(catalogue: tuple[FolderStore, Path]) -> Iterator[Deploy]:
    """Serve the page with a provider: `deploy(access="opaque")` for access tokens that are no JWT."""
    store, photo = catalogue
    with ExitStack() as running:

        def deploy(access: str = "jwt") -> Deployment:
            listening = running.enter_context(socket.create_server(("127.0.0.1", 0)))
            url = f"http://127.0.0.1:{listening.getsockname()[1]}/"
            provider = running.enter_context(provided(url, access))
            settings = Settings(
                store=str(store),
                auth="jwt",
                oidc_issuer=provider.issuer,
                oidc_client_id="page",
                oidc_scopes="openid email",
            )
            audience = "lookalike" if access == "jwt" else "page"
            gateway = JwtGateway(create_app(settings, store), provider.issuer, audience)
            running.enter_context(served(gateway, listening))
            return Deployment(url, gateway, provider, photo)

        yield deploy


@pytest.fixture
def page_of(catalogue: tuple[FolderStore, Path]) -> Iterator[Callable[..., str]]:
    """Serve the page with these settings and nothing before it; its address."""
    store, _ = catalogue
    with ExitStack() as running:

        def serve(**settings: str) -> str:
            listening = running.enter_context(socket.create_server(("127.0.0.1", 0)))
            app = create_app(replace(Settings(store=str(store)), **settings), store)  # type: ignore[arg-type]
            running.enter_context(served(app, listening))
            return f"http://127.0.0.1:{listening.getsockname()[1]}/"

        yield serve


@contextmanager
def provided(page: str, access: str) -> Iterator[Provider]:
    """Run the provider until the end."""
    if not (ROOT / "node_modules" / "oidc-provider").is_dir():
        pytest.skip("oidc-provider is not installed: npm ci")
    command = ["node", "--no-warnings", str(Path(__file__).with_name("provider.mjs")), page, access]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT)
    assert process.stdout is not None
    try:
        # It warns in its first lines that its keys are for development.
        issuer = next(line.strip() for line in process.stdout if line.startswith("http://127.0.0.1:"))
        yield Provider(issuer, process)
    finally:
        if process.poll() is None:
            process.terminate()
            process.communicate(timeout=10)


@contextmanager
def served(app: ASGIApp, listening: socket.socket) -> Iterator[None]:
    """Serve an application on a socket until the end."""
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off", ws="none"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    yield
    server.should_exit = True
    thread.join(timeout=10)
