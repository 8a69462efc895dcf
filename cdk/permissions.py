"""Who may touch what in the bucket, as policy statements: DESIGN's store, role by role."""

from collections.abc import Sequence

from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from constructs import Construct

from cdk import nag

SERVING_READS = ("live.json", "objects/*", "releases/*", "datasets/*", "uploads/*")
SERVING_WRITES = ("uploads/*",)

PROMOTER_READS = ("drops/*", "live.json", "objects/*", "releases/*")
PROMOTER_WRITES = ("live.json", "objects/*", "releases/*", "rejected/*")

TRAINING_READS = ("datasets/*", "weights/*", "training/*")
TRAINING_WRITES = ("drops/*", "training/checkpoints/*")

OPERATOR_READS = ("*",)
OPERATOR_WRITES = (*PROMOTER_WRITES, "drops/*", "datasets/*", "weights/*", "training/code/*")
OPERATOR_DELETES = ("objects/*", "releases/*", "rejected/*")


def function_role(scope: Construct, id: str, log_group: logs.ILogGroup) -> iam.Role:
    """A Lambda function's role that may write its own logs and traces, and nothing else yet."""
    role = iam.Role(scope, id, assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
    log_group.grant_write(role)
    role.add_to_policy(
        iam.PolicyStatement(
            sid="Traces", actions=["xray:PutTraceSegments", "xray:PutTelemetryRecords"], resources=["*"]
        )
    )
    nag.acknowledge(role, "IAM5[Resource::*]", "X-Ray's write actions take no resource.")
    return role


def read(bucket: s3.IBucket, keys: Sequence[str]) -> list[iam.PolicyStatement]:
    """Read these keys, and be told 404 rather than 403 for a missing one.

    S3 tells a caller that a key is missing only if the caller may list it. Such a check carries no `s3:prefix` of its
    own accord in every case, hence `IfExists`; a listing that names another prefix is refused.
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


def write(bucket: s3.IBucket, keys: Sequence[str]) -> iam.PolicyStatement:
    """Write these keys; an upload in parts that failed may be given up, which deletes no object."""
    return iam.PolicyStatement(
        sid="Write", actions=["s3:PutObject", "s3:AbortMultipartUpload"], resources=_arns(bucket, keys)
    )


def delete(bucket: s3.IBucket, keys: Sequence[str]) -> iam.PolicyStatement:
    """Delete these keys; old versions stay until the lifecycle takes them."""
    return iam.PolicyStatement(sid="Delete", actions=["s3:DeleteObject"], resources=_arns(bucket, keys))


def acknowledge_prefixes(role: iam.Role, bucket: s3.Bucket, *keys: str) -> None:
    """Acknowledge the wildcards of key prefixes: every object below a prefix is meant, and new ones come daily."""
    for key in dict.fromkeys(key for key in keys if "*" in key):
        nag.acknowledge(
            role,
            f"IAM5[Resource::<{nag.logical_id(bucket)}.Arn>/{key}]",
            f"The role's work is every object under {key}; the actions are named one by one.",
        )


def _arns(bucket: s3.IBucket, keys: Sequence[str]) -> list[str]:
    return [bucket.arn_for_objects(key) for key in keys]
