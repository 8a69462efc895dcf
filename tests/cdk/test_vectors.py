import re
from fnmatch import fnmatch
from pathlib import Path

import botocore.session
import pytest

from cdk import vectors
from lambda_app.search.s3vectors.schema import index_name
from lambda_app.settings import Settings
from tests.cdk.conftest import synthesise
from tests.cdk.template import SynthesisedTemplate
from tests.cdk.test_permissions import API, PROMOTER, may

BUCKET = "arn:aws:s3vectors:us-east-1:123456789012:bucket/"
# What `scripts/vectors`, the promoter and the API call; and what none of them may.
ON_INDEX = {
    "QueryVectors": {"serving", "operator"},
    "GetVectors": {"serving", "promoter", "operator"},
    "GetIndex": {"promoter", "operator"},
    "CreateIndex": {"promoter", "operator"},
    "PutVectors": {"promoter", "operator"},
    "DeleteVectors": {"promoter", "operator"},
    "ListVectors": {"promoter", "operator"},
    "DeleteIndex": {"operator"},
    "UpdateIndexMode": set(),
    "UpdateMetadataConfiguration": set(),
    "TagResource": set(),
}
ON_BUCKET = {
    "GetVectorBucket": set(),
    "ListIndexes": {"operator"},
    "CreateVectorBucket": set(),
    "DeleteVectorBucket": set(),
    "PutVectorBucketPolicy": set(),
    "DeleteVectorBucketPolicy": set(),
    "PutVectorBucketDefaultIndexMode": set(),
    "ListVectorBuckets": set(),
}
ROOT = Path(__file__).parents[2]
ROLES = ("serving", "promoter", "job", "flow", "operator")


def name_of(template: SynthesisedTemplate) -> str:
    """The name that the bucket has in a rendered template."""
    (name,) = template.of_type("AWS::S3Vectors::VectorBucket")
    return name.lower()


def test_the_bucket_is_encrypted_without_a_name_and_outlives_the_stack_but_not_a_failed_first_deployment(
    vectored: SynthesisedTemplate, plain: SynthesisedTemplate
) -> None:
    assert vectored.one("AWS::S3Vectors::VectorBucket") == {"EncryptionConfiguration": {"SseType": "AES256"}}
    (name,) = vectored.of_type("AWS::S3Vectors::VectorBucket")
    resource = vectored.body["Resources"][name]
    assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")
    assert not plain.of_type("AWS::S3Vectors::VectorBucket")
    # A model and its index come without a deployment.
    assert not vectored.of_type("AWS::S3Vectors::Index")


@pytest.mark.parametrize("command", [API, PROMOTER])
def test_both_functions_know_where_to_search(
    vectored: SynthesisedTemplate, plain: SynthesisedTemplate, command: str
) -> None:
    found = vectored.function(command)["Environment"]["Variables"]
    assert found["LOOKALIKE_SEARCH"] == "release"
    assert found["LOOKALIKE_VECTOR_BUCKET"] == name_of(vectored) == vectored.output("VectorBucketName")
    names = ("LOOKALIKE_STORE", "LOOKALIKE_SEARCH", "LOOKALIKE_VECTOR_BUCKET")
    settings = Settings.from_environ({name: found[name] for name in names})
    assert (settings.search, settings.vector_bucket) == ("release", name_of(vectored))
    # Without a vector bucket, a release that was made for one is searched with its own index.
    without = plain.function(command)["Environment"]["Variables"]
    assert without["LOOKALIKE_SEARCH"] == "faiss"
    assert "LOOKALIKE_VECTOR_BUCKET" not in without
    assert "VectorBucketName" not in plain.body["Outputs"]


@pytest.mark.parametrize("role", ROLES)
def test_a_role_may_only_do_with_the_indexes_of_models_what_it_needs(
    vectored: SynthesisedTemplate, plain: SynthesisedTemplate, role: str
) -> None:
    bucket = f"{BUCKET}{name_of(vectored)}"
    index = f"{bucket}/index/items-0123456789abcdef"
    for action, roles in ON_INDEX.items():
        assert may(vectored, role, f"s3vectors:{action}", index) is (role in roles), action
        assert not may(vectored, role, f"s3vectors:{action}", f"{bucket}/index/another"), action
        assert not may(vectored, role, f"s3vectors:{action}", f"{BUCKET}another/index/items-0123456789abcdef"), action
        assert not may(plain, role, f"s3vectors:{action}", index), action
    for action, roles in ON_BUCKET.items():
        assert may(vectored, role, f"s3vectors:{action}", bucket) is (role in roles), action
        assert not may(vectored, role, f"s3vectors:{action}", f"{BUCKET}another"), action


@pytest.mark.parametrize("role", ROLES)
def test_what_an_index_holds_is_read_by_serving_and_written_by_who_loads_it(
    vectored: SynthesisedTemplate, plain: SynthesisedTemplate, role: str
) -> None:
    key = "vectors/items-0123456789abcdef.json"
    for template, roles in (
        (
            vectored,
            {"Get": {"serving", "promoter", "operator"}, "Put": {"promoter", "operator"}, "Delete": {"operator"}},
        ),
        (plain, {"Get": {"operator"}, "Put": set(), "Delete": set()}),
    ):
        for action, allowed in roles.items():
            resource = f"arn:aws:s3:::{template.bucket}/{key}"
            assert may(template, role, f"s3:{action}Object", resource) is (role in allowed), action
        # An old state does not fit the index of today.
        assert not may(template, role, "s3:GetObjectVersion", f"arn:aws:s3:::{template.bucket}/{key}")


def called_in(folder: str) -> set[str]:
    """The operations of S3 Vectors that the modules of a folder name, as the permissions of their calls."""
    known = set(botocore.session.get_session().get_service_model("s3vectors").operation_names)
    texts = (path.read_text(encoding="utf-8") for path in (ROOT / folder).rglob("*.py"))
    return {name for text in texts for name in re.findall(r'"(\w+)"', text)} & known


def test_the_rights_are_on_the_indexes_that_the_loader_makes() -> None:
    assert fnmatch(index_name("0123456789abcdef" * 4), vectors.INDEXES)


def test_the_roles_may_do_what_the_code_calls_and_no_more() -> None:
    loading = called_in("lambda_app/catalogue/vectors")
    granted = {*vectors.OPERATOR_ACTIONS, *vectors.OPERATOR_BUCKET_ACTIONS}
    assert loading == granted - {"QueryVectors"}
    # The promoter neither looks for the indexes of other models nor deletes them.
    assert loading - {"DeleteIndex", "ListIndexes"} == set(vectors.PROMOTER_ACTIONS)
    assert called_in("lambda_app/search/s3vectors") == set(vectors.SERVING_ACTIONS)


@pytest.mark.parametrize("page", ["aws.md", "design.md"])
def test_the_docs_name_the_rights_of_each_role(page: str) -> None:
    text = " ".join((ROOT / "docs" / page).read_text(encoding="utf-8").split())
    rights = r"may `QueryVectors` and (.*?); the promoter (.*?); the operator(.*?), and on the bucket (.*?)\."
    (found,) = re.findall(rights, text)
    serving, promoter, operator, on_bucket = (set(re.findall(r"`(\w+)`", part)) for part in found)
    serves = {"QueryVectors", *serving}
    assert serves == set(vectors.SERVING_ACTIONS)
    assert promoter == set(vectors.PROMOTER_ACTIONS)
    assert serves | promoter | operator == set(vectors.OPERATOR_ACTIONS)
    assert on_bucket == set(vectors.OPERATOR_BUCKET_ACTIONS)


def test_a_bucket_that_exists_is_used_with_the_same_rights(tmp_path) -> None:
    template = synthesise(tmp_path, nag=True, search="s3vectors", vectorBucket="shop-vectors")
    assert not template.of_type("AWS::S3Vectors::VectorBucket")
    assert template.output("VectorBucketName") == "shop-vectors"
    assert template.function(API)["Environment"]["Variables"]["LOOKALIKE_VECTOR_BUCKET"] == "shop-vectors"
    for action, roles in ON_INDEX.items():
        for role in ROLES:
            index = f"{BUCKET}shop-vectors/index/items-0123456789abcdef"
            assert may(template, role, f"s3vectors:{action}", index) is (role in roles), (role, action)
