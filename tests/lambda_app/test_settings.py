from dataclasses import fields

import pytest

from lambda_app.errors import SettingsError
from lambda_app.photo.rules import PhotoLimits
from lambda_app.settings import Settings, aws_region, environment_names, function_memory, harmless_environ, misspelt

STORE = {"LOOKALIKE_STORE": "var/store"}
SIGN_IN = {
    "LOOKALIKE_AUTH": "jwt",
    "LOOKALIKE_OIDC_ISSUER": "https://login.example:8443/realm",
    "LOOKALIKE_OIDC_CLIENT_ID": "page",
    "LOOKALIKE_OIDC_SCOPES": "openid email",
    "LOOKALIKE_OIDC_ORIGINS": "https://tokens.example, https://login.example:8443",
}

FRONT = {
    "LOOKALIKE_ORIGIN_SECRET": f"{'a1' * 16},{'B2' * 64}",
    "LOOKALIKE_PHOTOS_URL": "https://search.shop.example",
}
OTHERS = {
    "LOOKALIKE_OTHER_RELEASES": "stored",
    "LOOKALIKE_CATALOGUE_WRITES": "open",
    "LOOKALIKE_LISTING_URL": "https://shop.example:8443/items/{product_id}?photo={image_id}",
    "LOOKALIKE_SEARCH": "s3vectors",
    "LOOKALIKE_VECTOR_BUCKET": "shop",
}


def test_only_the_store_has_no_default():
    assert Settings.from_environ(STORE) == Settings(store="var/store")


@pytest.mark.parametrize("environ", [{}, {"LOOKALIKE_STORE": ""}])
def test_a_missing_store_is_named_in_the_error(environ: dict[str, str]):
    with pytest.raises(SettingsError, match="LOOKALIKE_STORE is not set"):
        Settings.from_environ(environ)


def test_every_field_has_an_environment_variable():
    values = {name: str(number) for number, name in enumerate(environment_names(), start=1)}
    values |= {name: value for name, value in {**SIGN_IN, **FRONT, **OTHERS}.items() if name in values}
    settings = Settings.from_environ({**values, "LOOKALIKE_INVENTED": "x"})
    found = {f"LOOKALIKE_{field.name.upper()}": getattr(settings, field.name) for field in fields(Settings)}
    assert {name: type(value)(values[name]) for name, value in found.items()} == found
    assert "LOOKALIKE_MAX_BODY_BYTES" in values


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"LOOKALIKE_SEARCH": "opensearch"}, "LOOKALIKE_SEARCH is 'opensearch'; it takes one of release, faiss, s3vec"),
        ({"LOOKALIKE_VECTOR_BUCKET": "Shop"}, "LOOKALIKE_VECTOR_BUCKET is 'Shop'; it takes the name"),
        ({"LOOKALIKE_SEARCH": "s3vectors"}, "needs LOOKALIKE_VECTOR_BUCKET, the name"),
    ],
)
def test_who_searches_is_checked(environ: dict[str, str], said: str):
    with pytest.raises(SettingsError, match=said):
        Settings.from_environ({**STORE, **environ})
    assert Settings.from_environ({**STORE, "LOOKALIKE_VECTOR_BUCKET": "shop"}).search == "release"


def test_the_page_calls_the_origin_of_the_issuer_and_the_further_ones():
    settings = Settings.from_environ({**STORE, **SIGN_IN})
    assert settings.sign_in_origins == ("https://login.example:8443", "https://tokens.example")
    assert Settings.from_environ(STORE).sign_in_origins == ()


def test_a_provider_without_tls_may_be_on_this_machine_only():
    here = {**STORE, **SIGN_IN, "LOOKALIKE_OIDC_ISSUER": "http://127.0.0.1:4000"}
    assert Settings.from_environ(here).sign_in_origins[0] == "http://127.0.0.1:4000"
    with pytest.raises(SettingsError, match=r"OIDC_ISSUER is 'http://login\.example'"):
        Settings.from_environ({**here, "LOOKALIKE_OIDC_ISSUER": "http://login.example"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LOOKALIKE_AUTH", "open"),
        ("LOOKALIKE_OIDC_ISSUER", "https://login.example; script-src *"),
        ("LOOKALIKE_OIDC_ISSUER", "login.example"),
        ("LOOKALIKE_OIDC_ISSUER", ""),
        ("LOOKALIKE_OIDC_CLIENT_ID", ""),
        ("LOOKALIKE_OIDC_SCOPES", "email"),
        ("LOOKALIKE_OIDC_ORIGINS", "*"),
        ("LOOKALIKE_OIDC_ORIGINS", "https://tokens.example; script-src *"),
        ("LOOKALIKE_OIDC_ORIGINS", "https://tokens.example/path"),
    ],
)
def test_a_setting_of_the_sign_in_that_is_not_valid_is_named(name: str, value: str):
    with pytest.raises(SettingsError, match=name):
        Settings.from_environ({**STORE, **SIGN_IN, name: value})


def test_the_secret_of_the_front_door_is_not_shown():
    settings = Settings.from_environ({**STORE, **FRONT})
    assert settings.origin_secrets == ("a1" * 16, "B2" * 64)
    assert "a1a1" not in repr(settings)
    assert Settings.from_environ(STORE).origin_secrets == ()


def test_a_process_that_handles_untrusted_files_gets_no_secret_and_no_address():
    settings = Settings.from_environ({**STORE, **FRONT, "LOOKALIKE_MAX_K": "7"}).harmless()
    assert (settings.store, settings.origin_secret, settings.photos_url) == ("", "", "")
    assert settings.max_k == 7


@pytest.mark.parametrize("bad", ["short", "a" * 129, "a1" * 15 + "-_", "a1" * 16 + ",", "a1" * 16 + ", " + "b2" * 16])
def test_a_secret_that_is_not_valid_is_named_but_not_shown(bad: str):
    with pytest.raises(SettingsError, match=r"ORIGIN_SECRET: value [12] of [12] has .* each takes 32 to 128") as error:
        Settings.from_environ({**STORE, "LOOKALIKE_ORIGIN_SECRET": bad})
    assert "a1a1" not in str(error.value)
    assert "short" not in str(error.value)


@pytest.mark.parametrize("bad", ["search.shop.example", "http://search.shop.example", "https://shop.example/photos"])
def test_an_address_of_photos_that_is_not_valid_is_named(bad: str):
    with pytest.raises(SettingsError, match=f"LOOKALIKE_PHOTOS_URL is '{bad}'"):
        Settings.from_environ({**STORE, "LOOKALIKE_PHOTOS_URL": bad})


@pytest.mark.parametrize(
    "template", ["/items/{image_id}", "https://shop.example/{product_id}/", "/p?id={product_id}#top"]
)
def test_a_listing_may_be_on_another_host_or_on_that_of_the_page(template: str):
    assert Settings.from_environ({**STORE, "LOOKALIKE_LISTING_URL": template}).listing_url == template


@pytest.mark.parametrize(
    "bad",
    [
        *("shop", "/items", "http://shop.example/{image_id}", "https://{product_id}.shop.example/", "{image_id}"),
        *("//shop.example/{image_id}", r"/\shop.example/{image_id}", "javascript:alert({image_id})", '/"{image_id}'),
        *("/{image_id}{", "/{id}", "/{image_id} x", "https://shop.example{image_id}"),
    ],
)
def test_an_address_of_listings_that_is_not_valid_is_named(bad: str):
    with pytest.raises(SettingsError, match="LOOKALIKE_LISTING_URL is "):
        Settings.from_environ({**STORE, "LOOKALIKE_LISTING_URL": bad})


def test_a_misspelt_variable_is_named_with_the_most_similar_setting():
    warnings = misspelt({"LOOKALIKE_RELAOD_SECONDS": "5", "LOOKALIKE_MAX_K": "5", "LOOKALIKE_TOKEN": "x", "HOME": "x"})
    assert warnings == [
        "the variable LOOKALIKE_RELAOD_SECONDS is ignored: there is no such setting. "
        "Did you mean LOOKALIKE_RELOAD_SECONDS?"
    ]


def test_a_photo_may_have_64_megapixels_and_16384_pixels_per_side_by_default():
    assert Settings.from_environ(STORE).photo_limits == PhotoLimits() == PhotoLimits(pixels=64_000_000, side=16_384)


def test_the_photo_limits_are_settings():
    settings = Settings.from_environ({**STORE, "LOOKALIKE_MAX_PIXELS": "7", "LOOKALIKE_MAX_SIDE": "5"})
    assert settings.photo_limits == PhotoLimits(pixels=7, side=5)


@pytest.mark.parametrize(
    ("name", "value", "takes"),
    [
        ("LOOKALIKE_THREADS", "many", "a number"),
        ("LOOKALIKE_THREADS", "1.5", "a number"),
        ("LOOKALIKE_THREADS", "-1", "at least 0"),
        ("LOOKALIKE_RELOAD_SECONDS", "nan", "at least 0"),
        ("LOOKALIKE_RELOAD_SECONDS", "inf", "at least 0"),
        ("LOOKALIKE_MAX_K", "0", "at least 1"),
        ("LOOKALIKE_MAX_BATCH", "", "a number"),
    ],
)
def test_a_bad_value_is_named_in_the_error(name: str, value: str, takes: str):
    with pytest.raises(SettingsError, match=f"{name} is '{value}'; it takes.*{takes}"):
        Settings.from_environ({**STORE, name: value})


@pytest.mark.parametrize(("memory", "threads"), [("512", 1), ("1769", 1), ("3008", 2), ("10240", 6), ("much", 1)])
def test_the_number_of_threads_depends_on_the_memory_of_the_lambda(memory: str, threads: int):
    in_lambda = {**STORE, "AWS_LAMBDA_FUNCTION_NAME": "api", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": memory}
    assert Settings.from_environ(in_lambda).threads == threads
    assert Settings.from_environ({**in_lambda, "LOOKALIKE_THREADS": "3"}).threads == 3


@pytest.mark.parametrize(("memory", "budget"), [("512", 256 << 20), ("3008", 1504 << 20), ("much", 0)])
def test_a_lambda_decodes_in_half_of_its_memory(memory: str, budget: int):
    in_lambda = {**STORE, "AWS_LAMBDA_FUNCTION_NAME": "api", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": memory}
    assert Settings.from_environ(in_lambda).decoding_bytes == budget
    assert Settings.from_environ({**in_lambda, "LOOKALIKE_DECODING_BYTES": "7"}).decoding_bytes == 7
    assert Settings.from_environ(STORE).decoding_bytes == 0


def test_only_a_lambda_waits_for_a_reload():
    assert Settings.from_environ(STORE).reload_wait_seconds == 0
    assert Settings.from_environ({**STORE, "AWS_LAMBDA_FUNCTION_NAME": "api"}).reload_wait_seconds == 3


def test_a_process_that_tries_a_drop_inherits_no_credentials_and_no_store():
    environ = {
        "PATH": "/bin",
        "LD_LIBRARY_PATH": "/var/lang/lib",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_SESSION_TOKEN": "token",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2",
        "HOME": "/home/someone",
        **STORE,
    }
    assert harmless_environ(environ) == {"PATH": "/bin", "LD_LIBRARY_PATH": "/var/lang/lib"}


@pytest.mark.parametrize(("memory", "expected"), [("3008", 3008), ("", None), ("much", None)])
def test_the_functions_memory_is_known_in_lambda_only(memory: str, expected: int | None):
    assert function_memory({"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": memory}) == expected
    assert function_memory({}) is None


def test_the_region_is_that_of_either_variable_as_for_the_aws_cli():
    assert aws_region({"AWS_REGION": "eu-west-1"}) == "eu-west-1"
    assert aws_region({"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "us-east-1"}) == "eu-west-1"
    assert aws_region({"AWS_REGION": "", "AWS_DEFAULT_REGION": "us-east-1"}) == "us-east-1"
    assert aws_region({"AWS_PROFILE": "shop"}) is None
