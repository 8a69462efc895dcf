"""The bucket of the store (versioned, encrypted, private, kept when the stack is deleted) and its access logs."""

from collections.abc import Sequence
from typing import Any

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_s3 as s3
from constructs import Construct

from cdk import nag


class Storage(Construct):
    """The bucket of the store.

    Attributes:
        bucket: sends an event to EventBridge for every new object.
        access_logs: the bucket for S3's server access logs.
    """

    def __init__(self, scope: Construct, id: str, *, origins: Sequence[str], drop_days: int, log_days: int) -> None:
        """Make the buckets.

        Args:
            origins: web origins whose pages may post uploads to the bucket and read photos from it.
            drop_days: days that drops are kept.
            log_days: days that access logs are kept.
        """
        super().__init__(scope, id)
        self.access_logs = s3.Bucket(
            self,
            "AccessLogs",
            **_locked_down(),
            lifecycle_rules=[
                s3.LifecycleRule(id="expire", expiration=Duration.days(log_days)),
                _unfinished_uploads(),
            ],
        )
        nag.acknowledge(
            self.access_logs, "S1", "This bucket holds the access logs; logging its own access would never end."
        )
        self.bucket = s3.Bucket(
            self,
            "Bucket",
            **_locked_down(),
            versioned=True,
            server_access_logs_bucket=self.access_logs,
            server_access_logs_prefix="s3/",
            lifecycle_rules=_lifecycle(drop_days),
            cors=_cors(origins),
        )
        # `event_bridge_enabled=True` would add a Lambda function with permission to change the notifications of every
        # bucket. This property does the same without the function.
        resource = self.bucket.node.default_child
        resource.add_property_override(  # type: ignore[union-attr]
            "NotificationConfiguration", {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}
        )


def _locked_down() -> dict[str, Any]:
    return {
        "block_public_access": s3.BlockPublicAccess.BLOCK_ALL,
        "encryption": s3.BucketEncryption.S3_MANAGED,
        "enforce_ssl": True,
        "minimum_tls_version": 1.2,
        "object_ownership": s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
        # Kept when the stack is deleted, but not when its first deployment fails: then the bucket is empty.
        "removal_policy": RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
    }


def _lifecycle(drop_days: int) -> list[s3.LifecycleRule]:
    return [
        s3.LifecycleRule(id="old-versions", noncurrent_version_expiration=Duration.days(30)),
        _unfinished_uploads(),
        # In a versioned bucket, an expired object becomes an old version. Photos of users must be gone after a day.
        # What is in a drop is also in objects/ and releases/. Nobody goes back to an old checkpoint.
        _temporary("uploads", "uploads/", days=1),
        _temporary("drops", "drops/", days=drop_days),
        _temporary("checkpoints", "training/checkpoints/", days=14),
    ]


def _temporary(id: str, prefix: str, days: int) -> s3.LifecycleRule:
    return s3.LifecycleRule(
        id=id,
        prefix=prefix,
        expiration=Duration.days(days),
        noncurrent_version_expiration=Duration.days(1),
    )


def _unfinished_uploads() -> s3.LifecycleRule:
    return s3.LifecycleRule(id="unfinished-uploads", abort_incomplete_multipart_upload_after=Duration.days(7))


def _cors(origins: Sequence[str]) -> list[s3.CorsRule] | None:
    if not origins:
        return None
    return [
        s3.CorsRule(
            allowed_origins=list(origins),
            allowed_methods=[s3.HttpMethods.GET, s3.HttpMethods.POST],
            allowed_headers=["*"],
            exposed_headers=["ETag"],
            max_age=3600,
        )
    ]
