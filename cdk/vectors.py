"""The vector bucket of Amazon S3 Vectors: its indexes are searched instead of the index files of releases."""

from collections.abc import Sequence

from aws_cdk import Fn, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3vectors as s3vectors
from constructs import Construct

from cdk import nag
from cdk.context.config import Config
from cdk.context.search_keys import S3_VECTORS

# The loader names an index after the sha256 of its model (`lambda_app/search/s3vectors/schema.py`).
INDEXES = "items-*"

# A query with a filter, with words or for metadata needs GetVectors too; so does an item that is asked for by its id.
SERVING_ACTIONS = ("QueryVectors", "GetVectors")
# Brings an index to the release that goes live. It reads back what it wrote: a list with metadata needs GetVectors.
PROMOTER_ACTIONS = ("CreateIndex", "GetIndex", "PutVectors", "DeleteVectors", "GetVectors", "ListVectors")
# The loader does the same, and deletes the index of a model that is gone. `scripts/serve` on the store of the stack
# searches with the rights of whoever runs it.
OPERATOR_ACTIONS = (*PROMOTER_ACTIONS, "DeleteIndex", "QueryVectors")
OPERATOR_BUCKET_ACTIONS = ("ListIndexes",)


class Vectors(Construct):
    """A vector bucket. Its indexes are not in the template.

    There is one index for each model, of the model's dimension. A model comes with a release, without a deployment, and
    a rollback to the model before needs the index before. So the loader and the promoter make the indexes, with the
    encryption of the bucket.

    Attributes:
        name: of the bucket, made by CloudFormation or given.
    """

    def __init__(self, scope: Construct, id: str, *, existing: str | None) -> None:
        """Make the bucket.

        Args:
            existing: the name of a bucket of this account and region to use instead.
        """
        super().__init__(scope, id)
        if existing is None:
            bucket = s3vectors.CfnVectorBucket(
                self,
                "Bucket",
                encryption_configuration=s3vectors.CfnVectorBucket.EncryptionConfigurationProperty(sse_type="AES256"),
            )
            # As the store's bucket: kept when the stack is deleted, but not when its first deployment fails.
            bucket.apply_removal_policy(RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE)
            self._arn = bucket.attr_vector_bucket_arn
            # CloudFormation says the ARN alone: arn:aws:s3vectors:REGION:ACCOUNT:bucket/NAME.
            self.name = Fn.select(1, Fn.split("/", self._arn))
            self._in_findings = f"<{Stack.of(self).get_logical_id(bucket)}.VectorBucketArn>"
        else:
            self._arn = Stack.of(self).format_arn(service="s3vectors", resource="bucket", resource_name=existing)
            self.name = existing
            self._in_findings = nag.arn("s3vectors", f"bucket/{existing}")

    def grant_serving(self, role: iam.Role) -> None:
        """Let the API search the indexes and read vectors by their keys."""
        self._grant_on_indexes(role, "SearchVectors", SERVING_ACTIONS)

    def grant_promoter(self, role: iam.Role) -> None:
        """Let the promoter make an index and change its vectors. It may not delete one."""
        self._grant_on_indexes(role, "ChangeVectors", PROMOTER_ACTIONS)

    def grant_operators(self, role: iam.Role) -> None:
        """Let operators load, check, list and delete indexes, but not the bucket."""
        self._grant_on_indexes(role, "LoadVectors", OPERATOR_ACTIONS)
        role.add_to_policy(_statement("ListVectorIndexes", OPERATOR_BUCKET_ACTIONS, self._arn))

    def _grant_on_indexes(self, role: iam.Role, sid: str, actions: Sequence[str]) -> None:
        role.add_to_policy(_statement(sid, actions, f"{self._arn}/index/{INDEXES}"))
        nag.acknowledge(
            role,
            f"IAM5[Resource::{self._in_findings}/index/{INDEXES}]",
            "An index is named after its model, also a future one; the actions are named one by one.",
        )


def search_settings(config: Config, vectors: Vectors | None) -> dict[str, str]:
    """The environment variables of both functions that say where to search.

    Without a vector bucket, every release is searched with its own index file, whatever its manifest says. So a stack
    that goes back to faiss answers at once, also if the live release was made for S3 Vectors.
    """
    if vectors is None:
        return {"LOOKALIKE_SEARCH": config.search}
    return {"LOOKALIKE_SEARCH": "release", "LOOKALIKE_VECTOR_BUCKET": vectors.name}


def vectors_of(scope: Construct, config: Config) -> Vectors | None:
    """The vector bucket that the settings ask for; None if they ask for none."""
    return Vectors(scope, "Vectors", existing=config.vector_bucket) if config.search == S3_VECTORS else None


def _statement(sid: str, actions: Sequence[str], resource: str) -> iam.PolicyStatement:
    return iam.PolicyStatement(sid=sid, actions=[f"s3vectors:{action}" for action in actions], resources=[resource])
