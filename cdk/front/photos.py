"""Photos of listings at the front door: straight from the private bucket, cached, open to everyone."""

from aws_cdk import Aws, Duration, Names
from aws_cdk import aws_cloudfront as cloudfront
from aws_cdk import aws_cloudfront_origins as origins
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

PATHS = "/datasets/*"
# As in lambda_app/store/fronted.py. The tables of the listings lie beside the photos and must stay private.
ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".avif", ".JPG", ".JPEG", ".PNG", ".WEBP", ".AVIF")
# Browsers keep a photo for an hour, as those of a folder store; CloudFront for a day.
_BROWSERS, _EDGES = "public, max-age=3600", Duration.days(1)


def behavior(scope: Construct, bucket: s3.Bucket) -> cloudfront.BehaviorOptions:
    """How CloudFront answers requests for photos."""
    access = cloudfront.S3OriginAccessControl(
        scope,
        "PhotoAccess",
        origin_access_control_name=_name(scope, "photos"),
        signing=cloudfront.Signing.SIGV4_ALWAYS,
    )
    return cloudfront.BehaviorOptions(
        origin=origins.S3BucketOrigin.with_bucket_defaults(
            bucket, origin_access_control_id=access.origin_access_control_id
        ),
        allowed_methods=cloudfront.AllowedMethods.ALLOW_GET_HEAD,
        cache_policy=cloudfront.CachePolicy(
            scope,
            "PhotoCache",
            cache_policy_name=_name(scope, "photos"),
            comment="Photos of the image search: a day",
            min_ttl=Duration.seconds(0),
            default_ttl=_EDGES,
            max_ttl=Duration.days(365),
            enable_accept_encoding_brotli=True,
            enable_accept_encoding_gzip=True,
        ),
        response_headers_policy=_headers(scope),
        compress=True,
        viewer_protocol_policy=cloudfront.ViewerProtocolPolicy.REDIRECT_TO_HTTPS,
    )


def grant(bucket: s3.Bucket, distribution: cloudfront.Distribution) -> None:
    """Let the distribution, and no other one, read the photos in the bucket. It may list nothing."""
    bucket.add_to_resource_policy(
        iam.PolicyStatement(
            sid="PhotosForFrontDoor",
            principals=[iam.ServicePrincipal("cloudfront.amazonaws.com")],
            actions=["s3:GetObject"],
            resources=[bucket.arn_for_objects(f"datasets/*{ending}") for ending in ENDINGS],
            conditions={"StringEquals": {"AWS:SourceArn": arn(distribution)}},
        )
    )


def arn(distribution: cloudfront.Distribution) -> str:
    """The ARN of a distribution."""
    return f"arn:{Aws.PARTITION}:cloudfront::{Aws.ACCOUNT_ID}:distribution/{distribution.distribution_id}"


def _name(scope: Construct, what: str) -> str:
    """A name with the stack and its region: CloudFront's names are of the account, for all regions together."""
    return f"{Names.unique_resource_name(scope, max_length=32, separator='-')}-{what}-{Aws.REGION}"


def _headers(scope: Construct) -> cloudfront.ResponseHeadersPolicy:
    """The security headers that the API adds to its answers; and pages of all origins may read the photos."""
    year = Duration.days(365)
    return cloudfront.ResponseHeadersPolicy(
        scope,
        "PhotoHeaders",
        response_headers_policy_name=_name(scope, "photos"),
        comment="Photos of the image search",
        cors_behavior=cloudfront.ResponseHeadersCorsBehavior(
            access_control_allow_credentials=False,
            access_control_allow_headers=["*"],
            access_control_allow_methods=["GET", "HEAD"],
            access_control_allow_origins=["*"],
            origin_override=True,
        ),
        custom_headers_behavior=cloudfront.ResponseCustomHeadersBehavior(
            custom_headers=[
                cloudfront.ResponseCustomHeader(header="Cache-Control", value=_BROWSERS, override=True),
            ]
        ),
        security_headers_behavior=cloudfront.ResponseSecurityHeadersBehavior(
            content_security_policy=cloudfront.ResponseHeadersContentSecurityPolicy(
                content_security_policy="default-src 'none'; frame-ancestors 'none'", override=True
            ),
            content_type_options=cloudfront.ResponseHeadersContentTypeOptions(override=True),
            frame_options=cloudfront.ResponseHeadersFrameOptions(
                frame_option=cloudfront.HeadersFrameOption.DENY, override=True
            ),
            referrer_policy=cloudfront.ResponseHeadersReferrerPolicy(
                referrer_policy=cloudfront.HeadersReferrerPolicy.NO_REFERRER, override=True
            ),
            strict_transport_security=cloudfront.ResponseHeadersStrictTransportSecurity(
                access_control_max_age=year, override=True
            ),
        ),
    )
