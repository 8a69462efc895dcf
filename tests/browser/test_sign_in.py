"""Signing in with OpenID Connect, in a real browser with a real provider."""

import re
from datetime import UTC, datetime, timedelta

import pytest
import requests
from playwright.sync_api import expect

from tests.browser.conftest import Deploy, Visit

pytestmark = pytest.mark.slow


def test_sign_in_search_reload_and_sign_out(deploy: Deploy, visit: Visit) -> None:
    deployed, page = deploy(), visit.page
    page.goto(deployed.url)
    expect(page.get_by_role("heading", name="Sign in to search")).to_be_visible()
    expect(page.get_by_text("Choose a photo")).to_be_hidden()
    visit.picture("signed-out")
    visit.sign_in()
    assert page.url == deployed.url
    expect(page.locator("#person")).to_have_text("ann@shop.example")
    visit.search(deployed.photo)
    expect(page.locator("#results .card .title")).to_have_count(20)
    visit.picture("results")
    assert visit.grants() == ["authorization_code"]

    page.reload()
    expect(page.get_by_role("heading", name="Your photo")).to_be_visible()
    assert visit.grants() == ["authorization_code", "refresh_token"]
    visit.search(deployed.photo)

    refresh = page.evaluate("JSON.parse(sessionStorage['lookalike.session']).refresh")
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("button", name=re.compile("Yes")).click()  # the provider asks whether to end its own session too
    expect(page.get_by_role("heading", name="Sign in to search")).to_be_visible()
    assert page.url == deployed.url
    assert page.evaluate("sessionStorage.length") == 0
    revoked = [request.post_data for request in visit.requests if request.url.endswith("/token/revocation")]
    assert revoked == [f"token={refresh}&token_type_hint=refresh_token&client_id=page"]
    reused = {"grant_type": "refresh_token", "refresh_token": refresh, "client_id": "page"}
    answer = requests.post(f"{deployed.provider.issuer}/token", data=reused, timeout=5)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    visit.sign_in("bob")  # the provider knows nobody any more, and asks again
    expect(page.locator("#person")).to_have_text("bob@shop.example")


def test_every_call_but_the_pages_own_files_carries_the_token(deploy: Deploy, visit: Visit) -> None:
    deployed = deploy()
    visit.page.goto(deployed.url)
    visit.sign_in()
    visit.search(deployed.photo)
    sent = {request.url.split("?")[0].removeprefix(deployed.url): request for request in visit.requests}
    bearer = f"Bearer {deployed.gateway.accepted[0]}"
    assert sent["predict"].all_headers()["authorization"] == sent["release"].all_headers()["authorization"] == bearer
    assert sent["examples"].all_headers()["authorization"] == sent["items"].all_headers()["authorization"] == bearer
    assert len(deployed.gateway.accepted) == 4
    (script,) = [path for path in sent if path.endswith("/app.js")]
    for path in ("config.json", script):
        assert "authorization" not in sent[path].all_headers()


def test_an_access_token_that_is_no_jwt_is_replaced_by_the_id_token(deploy: Deploy, visit: Visit) -> None:
    deployed = deploy(access="opaque")
    visit.page.goto(deployed.url)
    visit.sign_in()
    visit.search(deployed.photo)


def test_the_view_from_before_the_sign_in_comes_back(deploy: Deploy, visit: Visit) -> None:
    deployed = deploy()
    visit.page.goto(f"{deployed.url}#item=003a&max_price=100")
    visit.sign_in()
    expect(visit.page.get_by_role("heading", name="More like “Listing 3”")).to_be_visible()
    assert visit.page.url == f"{deployed.url}#item=003a&max_price=100"


def test_a_photo_address_without_a_token_works_in_an_img(deploy: Deploy, visit: Visit) -> None:
    deployed = deploy()
    visit.page.goto(deployed.url)
    loaded = (
        "async (src) => { const image = Object.assign(new Image(), { src }); await image.decode(); return image.width }"
    )
    assert visit.page.evaluate(loaded, f"{deployed.url}images/003a") > 0
    assert requests.get(f"{deployed.url}items/003a", timeout=5).status_code == 401


def test_a_token_is_renewed_before_it_ends(deploy: Deploy, visit: Visit) -> None:
    deployed, page = deploy(), visit.page
    page.clock.install()
    page.goto(deployed.url)
    visit.sign_in()
    visit.search(deployed.photo)
    page.clock.fast_forward("58:00")
    visit.restrict(40)
    page.get_by_text("4 listings, most similar first").wait_for()
    assert visit.grants() == ["authorization_code"]
    page.clock.fast_forward("01:30")
    visit.restrict(80)
    page.get_by_text("8 listings, most similar first").wait_for()
    assert visit.grants() == ["authorization_code", "refresh_token"]
    assert len(set(deployed.gateway.accepted)) == 2


def test_a_refused_token_is_renewed_once(deploy: Deploy, visit: Visit) -> None:
    deployed, page = deploy(), visit.page
    page.goto(deployed.url)
    visit.sign_in()
    page.wait_for_load_state("networkidle")
    deployed.gateway.refused.add(deployed.gateway.accepted[0])
    visit.search(deployed.photo)
    assert visit.grants() == ["authorization_code", "refresh_token"]


def test_a_deployment_that_refuses_every_token_says_so(deploy: Deploy, visit: Visit) -> None:
    deployed, page = deploy(), visit.page
    page.goto(deployed.url)
    visit.sign_in()
    page.wait_for_load_state("networkidle")
    deployed.gateway.audience = "another"
    page.locator("#file").set_input_files(deployed.photo)
    expect(page.get_by_role("heading", name="The service did not accept your sign-in")).to_be_visible()
    assert visit.grants() == ["authorization_code", "refresh_token"]


def test_a_sign_in_that_the_provider_has_ended_must_be_repeated(deploy: Deploy, visit: Visit) -> None:
    deployed, page = deploy(), visit.page
    page.goto(f"{deployed.url}#item=003a")
    visit.sign_in()
    expect(page.locator("#results .card .title")).to_have_count(19)
    refresh = page.evaluate("JSON.parse(sessionStorage['lookalike.session']).refresh")
    revoked = {"token": refresh, "client_id": "page"}
    assert requests.post(f"{deployed.provider.issuer}/token/revocation", data=revoked, timeout=5).ok
    deployed.gateway.refused.add(deployed.gateway.accepted[0])
    visit.restrict(50)
    expect(page.get_by_role("heading", name="Your sign-in has ended")).to_be_visible()
    expect(page.get_by_role("button", name="Sign out")).to_be_hidden()
    assert page.evaluate("sessionStorage.length") == 0
    page.get_by_role("button", name="Sign in").click()  # the provider still knows ann, and asks nothing
    page.get_by_text("4 listings, most similar first").wait_for()


def test_an_answer_to_a_sign_in_of_somebody_else_is_refused(deploy: Deploy, visit: Visit) -> None:
    deployed, page = deploy(), visit.page
    for query in ("?code=stolen&state=guess", "?error=access_denied&error_description=Call+us&state=guess"):
        page.goto(f"{deployed.url}{query}")
        expect(page.get_by_role("heading", name="This sign-in was refused")).to_be_visible()
        expect(page.get_by_text("Call us")).to_have_count(0)
        assert page.url == deployed.url
    assert visit.grants() == []


@pytest.mark.parametrize(
    ("changed", "reason"), [("nonce", "belongs to another sign-in"), ("verifier", "It took too long, or its answer")]
)
def test_a_code_for_another_nonce_or_verifier_is_refused(
    deploy: Deploy, visit: Visit, changed: str, reason: str
) -> None:
    deployed, page = deploy(), visit.page
    # Runs on the way back, before the page's own scripts.
    page.add_init_script(f"""
        if (location.search.includes("code=")) {{
          const kept = JSON.parse(sessionStorage["lookalike.sign-in"]);
          sessionStorage["lookalike.sign-in"] = JSON.stringify({{ ...kept, {changed}: "x".repeat(43) }});
        }}""")
    page.goto(deployed.url)
    visit.fill_in()
    expect(page.get_by_role("heading", name="This sign-in was refused")).to_be_visible()
    expect(page.get_by_text(reason)).to_be_visible()
    assert page.evaluate("sessionStorage.length") == 0


def test_a_visitor_who_turns_back_is_told_so(deploy: Deploy, visit: Visit) -> None:
    deployed, page = deploy(), visit.page
    page.goto(deployed.url)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_text("[ Cancel ]").click()
    expect(page.get_by_role("heading", name="Access was denied")).to_be_visible()
    assert page.url == deployed.url
    visit.sign_in()


def test_a_provider_that_does_not_answer_is_named(deploy: Deploy, visit: Visit) -> None:
    deployed, page = deploy(), visit.page
    page.goto(deployed.url)
    visit.sign_in()
    host = deployed.provider.issuer.removeprefix("http://")
    deployed.provider.stop()
    # An hour later nothing can be renewed; the page stays, and a retry is possible.
    deployed.gateway.refused.add(deployed.gateway.accepted[0])
    page.locator("#file").set_input_files(deployed.photo)
    expect(page.get_by_role("heading", name="The sign-in service cannot be reached")).to_be_visible()
    expect(page.get_by_role("button", name="Try again")).to_be_visible()
    page.reload()
    expect(page.get_by_text(f"{host} did not answer")).to_be_visible()
    visit.picture("provider-down")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text(f"{host} did not answer")).to_be_visible()


@pytest.mark.parametrize(
    ("hours", "words"), [(3, r"about 1\d\d minutes ahead of"), (-3, r"about 1\d\d minutes behind")]
)
def test_a_wrong_clock_is_named(deploy: Deploy, visit: Visit, hours: int, words: str) -> None:
    deployed, page = deploy(), visit.page
    page.clock.set_fixed_time(datetime.now(UTC) + timedelta(hours=hours))
    page.goto(deployed.url)
    visit.fill_in()
    expect(page.get_by_role("heading", name="The clock of this device is wrong")).to_be_visible()
    expect(page.get_by_text(re.compile(words))).to_be_visible()
