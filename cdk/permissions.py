"""Which role may read, write or delete which keys of the bucket, as policy statements."""

from collections.abc import Sequence

from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from constructs import Construct

from cdk import nag

SERVING_READS = ("live.json", "blocked.json", "objects/*", "releases/*", "datasets/*", "uploads/*")
SERVING_WRITES = ("uploads/*",)

# With catalogueWrites: the log of changes, and photos that came with a request.
CHANGING_READS = ("changes/*",)
CHANGING_WRITES = ("changes/*", "datasets/received/*")

PROMOTER_READS = ("drops/*", "live.json", "blocked.json", "changes/*", "objects/*", "releases/*", "datasets/*")
PROMOTER_WRITES = ("live.json", "changes/*", "objects/*", "releases/*", "rejected/*")

# With search=s3vectors: what an index of vectors holds.
VECTOR_STATE = ("vectors/*",)

TRAINING_READS = ("datasets/*", "weights/*", "training/*", "releases/*/manifest.json")
TRAINING_WRITES = ("drops/*", "training/checkpoints/*")

# The state machine of training, before it starts a job.
FLOW_READS = ("live.json", "training/schedule/*")

OPERATOR_READS = ("*",)
OPERATOR_WRITES = (
    *(*PROMOTER_WRITES, "blocked.json", "drops/*", "datasets/*"),
    *("weights/*", "training/code/*", "training/schedule/*"),
)
# Old versions, for `scripts/releases restore`. Not vectors/*: an index has no old versions that such a state would fit.
OPERATOR_RESTORES = ("live.json", "objects/*", "releases/*", "datasets/*", "changes/*")
OPERATOR_DELETES = ("objects/*", "releases/*", "rejected/*")


def function_role(scope: Construct, id: str, log_group: logs.ILogGroup) -> iam.Role:
    """A role for a Lambda function. It may write the function's logs and traces; the stack grants the rest."""
    role = iam.Role(scope, id, assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
    log_group.grant_write(role)
    role.add_to_policy(
        iam.PolicyStatement(
            sid="Traces", actions=["xray:PutTraceSegments", "xray:PutTelemetryRecords"], resources=["*"]
        )
    )
    nag.acknowledge(role, "IAM5[Resource::*]", "X-Ray's write actions take no resource.")
    return role


def grant_serving(role: iam.Role, bucket: s3.Bucket, *, changes: bool, vectors: bool) -> None:
    """Let the API read releases, photos and uploads, and sign upload forms.

    Args:
        changes: whether it may write to the log of changes too.
        vectors: whether it may read what the indexes of vectors hold.
    """
    reads = (*SERVING_READS, *(CHANGING_READS if changes else ()), *(VECTOR_STATE if vectors else ()))
    # A presigned request has the rights of its signer. Only presigned uploads need to write to uploads/.
    writes = (*SERVING_WRITES, *(CHANGING_WRITES if changes else ()))
    for statement in read(bucket, reads):
        role.add_to_policy(statement)
    role.add_to_policy(write(bucket, writes))
    acknowledge_prefixes(role, bucket, *reads, *writes)


def grant_promoter(role: iam.Role, bucket: s3.Bucket, *, vectors: bool) -> None:
    """Let the promoter read drops, and write releases, the pointer and notes of refusal.

    Args:
        vectors: whether it may read and write what the indexes of vectors hold.
    """
    state = VECTOR_STATE if vectors else ()
    reads, writes = (*PROMOTER_READS, *state), (*PROMOTER_WRITES, *state)
    for statement in read(bucket, reads):
        role.add_to_policy(statement)
    role.add_to_policy(write(bucket, writes))
    acknowledge_prefixes(role, bucket, *reads, *writes)


def read(bucket: s3.IBucket, keys: Sequence[str]) -> list[iam.PolicyStatement]:
    """Read these keys, and get 404 instead of 403 for a missing key.

    S3 answers 404 only to callers with permission to list the bucket. A read of one key carries no `s3:prefix`, so the
    condition uses `IfExists`. Listing any other prefix is refused.
    """
    return [
        iam.PolicyStatement(sid="Read", actions=["s3:GetObject"], resources=_arns(bucket, keys)),
        iam.PolicyStatement(
            sid="List",
            actions=["s3:ListBucket"],
            resources=[bucket.bucket_arn],
            conditions={"StringLikeIfExists": {"s3:prefix": list(keys)}},
        ),
    ]


def read_versions(bucket: s3.IBucket, keys: Sequence[str]) -> list[iam.PolicyStatement]:
    """Find and read the old versions of these keys."""
    return [
        iam.PolicyStatement(sid="ReadVersions", actions=["s3:GetObjectVersion"], resources=_arns(bucket, keys)),
        iam.PolicyStatement(
            sid="ListVersions",
            actions=["s3:ListBucketVersions"],
            resources=[bucket.bucket_arn],
            conditions={"StringLike": {"s3:prefix": list(keys)}},
        ),
    ]


def write(bucket: s3.IBucket, keys: Sequence[str]) -> iam.PolicyStatement:
    """Write these keys, and abort failed multipart uploads, which deletes no object."""
    return iam.PolicyStatement(
        sid="Write", actions=["s3:PutObject", "s3:AbortMultipartUpload"], resources=_arns(bucket, keys)
    )


def delete(bucket: s3.IBucket, keys: Sequence[str]) -> iam.PolicyStatement:
    """Delete these keys. Old versions stay until the lifecycle rule deletes them."""
    return iam.PolicyStatement(sid="Delete", actions=["s3:DeleteObject"], resources=_arns(bucket, keys))


def acknowledge_prefixes(owner: Construct, bucket: s3.Bucket, *keys: str) -> None:
    """Acknowledge the wildcards in key prefixes: a role needs every object under a prefix, also future ones.

    Args:
        owner: the role, or a construct with the role.
    """
    for key in dict.fromkeys(key for key in keys if "*" in key):
        nag.acknowledge(
            owner,
            f"IAM5[Resource::<{nag.logical_id(bucket)}.Arn>/{key}]",
            f"The role's work is every object under {key}; the actions are named one by one.",
        )


def _arns(bucket: s3.IBucket, keys: Sequence[str]) -> list[str]:
    return [bucket.arn_for_objects(key) for key in keys]
