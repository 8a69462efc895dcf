from base64 import b64encode
from dataclasses import replace

import pytest

from pins.registries import (
    Addresses,
    RegistryError,
    UnreachableError,
    github_tags,
    image_tags,
    npm_versions,
    pypi_versions,
)
from tests.pins.conftest import Registries

ECR = "public.ecr.aws/lambda/python"


def test_versions_of_a_python_package_come_from_its_files(registries: Registries):
    registries.give_package("typing_extensions".replace("_", "-"), "4.15.0", "4.16.0", yanked={"4.15.0": "broken"})
    found = pypi_versions(registries.addresses.pypi, "Typing_Extensions")
    assert found == {"4.15.0": "broken", "4.16.0": None}
    assert "application/vnd.pypi.simple.v1+json" in registries.asked[0][1]["Accept"]


def test_a_version_of_which_only_some_files_are_yanked_is_not_withdrawn(registries: Registries):
    files = [{"filename": "x-1.0.tar.gz", "yanked": True}, {"filename": "x-1.0-py3-none-any.whl", "yanked": False}]
    files += [{"filename": "x-2.0.tar.gz", "yanked": True}, {"filename": "x-0.1-py2.5.egg"}]
    registries.give("/simple/x/", {"files": files})
    assert pypi_versions(registries.addresses.pypi, "x") == {"1.0": None, "2.0": "yanked"}
    registries.give("/simple/x/", {"files": files[::-1]})
    assert pypi_versions(registries.addresses.pypi, "x") == {"1.0": None, "2.0": "yanked"}


def test_a_mirror_may_answer_with_a_page(registries: Registries):
    page = (
        '<!DOCTYPE html><html><body><a href="../a#sha256=1">idna-3.19-py3-none-any.whl</a><br/>'
        '<a href="b" data-yanked="wrong &amp; late">idna-3.20.tar.gz</a><a href="c" data-yanked="">idna-3.21.zip</a>'
    )
    registries.give("/simple/idna/", page)
    found = pypi_versions(registries.addresses.pypi, "idna")
    assert found == {"3.19": None, "3.20": "wrong & late", "3.21": "yanked"}


def test_a_name_and_password_in_the_address_are_sent_as_pip_does(registries: Registries):
    registries.give_package("idna", "3.20")
    address = registries.addresses.pypi.replace("://", "://reader:p%40ss@")
    assert pypi_versions(address, "idna") == {"3.20": None}
    assert registries.asked[0][1]["Authorization"] == f"Basic {b64encode(b'reader:p@ss').decode()}"


def test_a_deprecated_version_of_npm_is_withdrawn(registries: Registries):
    versions = {"9.0.0": {"deprecated": "use 9.1"}, "9.1.0": {}, "9.2.0": {"deprecated": ""}}
    registries.give("/npm/@scope%2Fleft", {"dist-tags": {"latest": "9.2.0"}, "versions": versions})
    assert npm_versions(registries.addresses.npm, "@scope/left") == {"9.0.0": "use 9.1", "9.1.0": None, "9.2.0": None}


def test_the_tags_of_an_action_are_read_with_the_token_if_there_is_one(registries: Registries):
    registries.give("/github/repos/actions/checkout/tags?per_page=100", [{"name": "v6.0.1"}, {"name": "v6"}])
    assert github_tags(registries.addresses, "actions/checkout") == {"v6.0.1": None, "v6": None}
    assert "Authorization" not in registries.asked[-1][1]
    github_tags(replace(registries.addresses, github_token="t0ken"), "actions/checkout")
    assert registries.asked[-1][1]["Authorization"] == "Bearer t0ken"
    assert "t0ken" not in repr(replace(registries.addresses, github_token="t0ken"))


def test_a_token_does_not_follow_a_redirect(registries: Registries):
    registries.give("/elsewhere", [])
    path = "/github/repos/actions/checkout/tags?per_page=100"
    registries.give(path, [], status=302, Location=f"{registries.url}/elsewhere")
    github_tags(replace(registries.addresses, github_token="t0ken"), "actions/checkout")
    assert [(path, "Authorization" in headers) for path, headers in registries.asked] == [
        (path, True),
        ("/elsewhere", False),
    ]


def test_the_tags_of_an_image_are_read_page_by_page_with_a_token_for_anyone(registries: Registries):
    challenge = f'Bearer realm="{registries.url}/token/",service="public.ecr.aws",scope="aws"'
    registries.give("/v2/", {}, status=401, WWW_Authenticate=challenge)
    registries.give("/token/?service=public.ecr.aws&scope=repository%3Alambda/python%3Apull", {"token": "anyone"})
    first, second = "/v2/lambda/python/tags/list?n=1000", "/v2/lambda/python/tags/list?n=1000&last=3.13"
    registries.give(first, {"name": "lambda/python", "tags": ["3.12", "3.13"]}, Link=f'<{second}>; rel="next"')
    registries.give(second, {"name": "lambda/python", "tags": ["3.14"]})
    assert set(image_tags(registries.addresses, ECR)) == {"3.12", "3.13", "3.14"}
    assert [headers.get("Authorization") for _, headers in registries.asked][2:] == ["Bearer anyone"] * 2


def test_a_page_on_another_host_is_not_followed(registries: Registries):
    registries.give("/v2/", {})
    registries.give("/v2/lambda/python/tags/list?n=1000", {"tags": []}, Link='<http://other.example/x>; rel="next"')
    with pytest.raises(RegistryError, match="another host"):
        image_tags(registries.addresses, ECR)


def test_a_registry_that_wants_a_sign_in_or_has_no_such_package_is_an_error_with_the_status(registries: Registries):
    registries.give("/v2/", {}, status=403)
    with pytest.raises(RegistryError, match="it answered 403"):
        image_tags(registries.addresses, ECR)
    with pytest.raises(RegistryError, match="it answered 404"):
        pypi_versions(registries.addresses.pypi, "gone")
    with pytest.raises(RegistryError, match="names no registry"):
        image_tags(registries.addresses, "python")


def test_an_answer_that_is_no_json_is_an_error(registries: Registries):
    registries.give("/npm/left", "<html>Sign in")
    with pytest.raises(RegistryError, match="no JSON"):
        npm_versions(registries.addresses.npm, "left")


def test_a_registry_that_does_not_answer_is_unreachable_and_its_password_is_not_told():
    with pytest.raises(UnreachableError) as refusal:
        pypi_versions("http://reader:secret@127.0.0.1:9/simple", "idna")
    assert "secret" not in str(refusal.value)
    assert "refused" in str(refusal.value)


def test_files_of_this_machine_are_no_registry():
    with pytest.raises(RegistryError, match="not with https"):
        npm_versions("file:///etc", "passwd")


def test_the_usual_addresses_are_those_of_the_registries():
    assert all(address.startswith("https://") for address in (Addresses().pypi, Addresses().npm, Addresses().github))
