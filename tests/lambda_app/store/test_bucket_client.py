import json
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import botocore.session
import obstore
import pytest
from obstore.exceptions import GenericError

from lambda_app.errors import MissingObjectError, StoreError
from lambda_app.store.bucket_client import Timeouts, find_account, open_bucket, post_client, store_errors
from tests.lambda_events import BUCKET

TIMEOUTS = Timeouts(connect=1, read=1, attempts=2)
FIVE_MINUTES = timedelta(minutes=5)
# One of each partition, the two regions whose old endpoints botocore knows, and one that an account must opt in to.
KINDS_OF_REGION = ("us-east-1", "us-west-2", "eu-west-1", "ap-east-1", "cn-north-1", "us-gov-west-1")


def photo_url() -> str:
    return obstore.sign(open_bucket("bucket", "shop", TIMEOUTS, find_account(None)), "GET", "photo.jpg", FIVE_MINUTES)


def without_account(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name)


@pytest.mark.parametrize("name", ["AWS_REGION", "AWS_DEFAULT_REGION"])
def test_credentials_and_region_of_a_lambda_come_from_its_environment(monkeypatch, name):
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    monkeypatch.setenv(name, "eu-west-1")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "the-session")
    url = photo_url()
    assert url.startswith("https://s3.eu-west-1.amazonaws.com/bucket/shop/photo.jpg?")
    assert "X-Amz-Credential=testing%2F" in url
    assert "X-Amz-Security-Token=the-session" in url


@pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"])
def test_the_environment_can_set_another_endpoint(s3, monkeypatch, name):
    monkeypatch.setenv(name, s3.url)
    obstore.put(open_bucket(BUCKET, "shop/", TIMEOUTS, find_account(None)), "a", b"1")
    assert [(request.method, request.key) for request in s3.requests] == [("PUT", "shop/a")]


def test_credentials_and_region_of_a_profile_are_found(tmp_path, monkeypatch):
    without_account(monkeypatch)
    (tmp_path / "config").write_text(
        "[profile operator]\nregion = eu-north-1\naws_access_key_id = the-key\naws_secret_access_key = the-secret\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_PROFILE", "operator")
    url = photo_url()
    assert url.startswith("https://s3.eu-north-1.amazonaws.com/")
    assert "X-Amz-Credential=the-key%2F" in url


def test_expiring_credentials_are_renewed(tmp_path, monkeypatch):
    without_account(monkeypatch)
    calls = tmp_path / "calls"
    answer = {
        "Version": 1,
        "AccessKeyId": "the-key",
        "SecretAccessKey": "the-secret",
        "SessionToken": "the-session",
        "Expiration": (datetime.now(UTC) + timedelta(minutes=5)).isoformat(),
    }
    program = tmp_path / "credentials.py"
    program.write_text(f"open({str(calls)!r}, 'a').write('.')\nprint({json.dumps(answer)!r})\n")
    (tmp_path / "config").write_text(f"[default]\ncredential_process = {sys.executable} {program}\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    bucket = open_bucket("bucket", "", TIMEOUTS, find_account(None))
    urls = [obstore.sign(bucket, "GET", "photo.jpg", FIVE_MINUTES) for _ in range(2)]
    assert all("X-Amz-Security-Token=the-session" in url for url in urls)
    assert len(calls.read_text()) > 1


def test_missing_credentials_are_a_store_error(tmp_path, monkeypatch):
    without_account(monkeypatch)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    with pytest.raises(StoreError, match="no AWS credentials"):
        photo_url()


def test_refused_credentials_are_a_store_error(tmp_path, monkeypatch):
    without_account(monkeypatch)
    (tmp_path / "config").write_text("[default]\ncredential_process = false\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    with pytest.raises(StoreError, match="cannot get AWS credentials: "):
        photo_url()


def test_an_mfa_code_that_nobody_can_type_is_a_store_error(tmp_path, monkeypatch):
    without_account(monkeypatch)
    profiles = (
        "[default]\nrole_arn = arn:aws:iam::123456789012:role/operator\nsource_profile = base\n"
        "mfa_serial = arn:aws:iam::123456789012:mfa/ann\nregion = eu-west-1\n"
        "[profile base]\naws_access_key_id = a\naws_secret_access_key = b\n"
    )
    (tmp_path / "config").write_text(profiles)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))

    code = "from lambda_app.store.bucket_client import find_account; find_account(None)"
    run = subprocess.run(  # without a terminal, as in a pipeline
        [sys.executable, "-c", code],
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "StoreError: the AWS profile asks for an MFA code, and there is no terminal to ask on" in run.stderr


def test_a_client_retries_as_often_as_configured(s3, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3.url)
    bucket = open_bucket(BUCKET, "", TIMEOUTS, find_account(None))
    with (
        s3.holding(lambda request: True, share=0) as held,
        pytest.raises(StoreError, match=r"after 1 retries.* \(Timeout\)"),
        store_errors("a", "s3://bucket"),
    ):
        obstore.head(bucket, "a")
    assert len(held.requests) == 2


@pytest.mark.parametrize(
    ("raised", "kind"),
    [
        (FileNotFoundError("Object at location a not found: 404: <Code>NoSuchKey</Code>"), MissingObjectError),
        (FileNotFoundError("Object at location a not found: 404: <Code>NoSuchBucket</Code>"), StoreError),
        (GenericError("Generic S3 error: error sending request\n\nDebug source:\nGeneric {"), StoreError),
        (ValueError("Could not parse path"), StoreError),
    ],
)
def test_errors_of_the_client_become_store_errors_that_name_the_key(raised, kind):
    with pytest.raises(StoreError, match="objects/a") as caught, store_errors("objects/a", "s3://bucket"):
        raise raised
    assert type(caught.value) is kind
    assert caught.value.__cause__ is raised
    assert "Debug" not in str(caught.value)


def test_a_form_names_the_endpoint_of_its_region(monkeypatch, request):
    session = botocore.session.get_session()
    regions = [name for one in ("aws", "aws-cn", "aws-us-gov") for name in session.get_available_regions("s3", one)]
    assert len(regions) > 35
    assert set(KINDS_OF_REGION) <= set(regions)
    for region in regions if request.config.getoption("all_regions") else KINDS_OF_REGION:
        monkeypatch.setenv("AWS_DEFAULT_REGION", region)
        host = urlsplit(post_client(None).generate_presigned_post("my-bucket", "uploads/a")["url"]).netloc
        assert re.fullmatch(rf"my-bucket\.s3\.{region}\.amazonaws\.com(\.cn)?", host), region


@pytest.mark.parametrize("endpoint", ["http://localhost:9000", "http://127.0.0.1:9000", "https://minio.shop.example"])
def test_a_form_for_another_service_names_the_endpoint_that_was_given(endpoint):
    post = post_client({"endpoint": endpoint, "region": "us-east-1"}).generate_presigned_post("my-bucket", "uploads/a")
    assert post["url"] == f"{endpoint}/my-bucket"
