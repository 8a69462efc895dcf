"""CloudFront before the API: photos from the bucket and static files are cached, everything else is passed on."""

from aws_cdk import Aws, CfnResource, Duration
from aws_cdk import aws_apigatewayv2 as apigw
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_cloudfront as cloudfront
from aws_cdk import aws_cloudfront_origins as origins
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from constructs import Construct

from cdk import nag
from cdk.context.config import Config
from cdk.front import photos
from cdk.front.access_log import AccessLog
from cdk.front.names import CLOUDFRONT_ZONE, Target, add_records
from cdk.front.origin_secret import HEADER, OriginSecret
from cdk.front.web_acl import WebAcl

# CloudFront keeps an error for 10 s, also of routes that are never cached, and one caller would get another one's.
_ERRORS = (400, 403, 404, 405, 414, 416, 500, 501, 502, 503, 504)
# API Gateway answers after 30 s at the latest.
_READ_TIMEOUT = Duration.seconds(35)


class FrontDoor(Construct):
    """A distribution of CloudFront, and the secret that it shares with the API's function.

    Attributes:
        url: the public address, without a trailing slash.
        target: what the host name must point to, if there is one.
        distribution: the distribution.
        secret: what CloudFront sends and the function accepts.
    """

    def __init__(
        self, scope: Construct, id: str, *, config: Config, api: apigw.HttpApi, bucket: s3.Bucket, web_acl: str | None
    ) -> None:
        """Make the distribution, and its DNS records if a hosted zone is given.

        Args:
            web_acl: ARN of the firewall in another stack; None: this one makes the firewall and the access log.
        """
        super().__init__(scope, id)
        self.secret = OriginSecret(self, "Secret", number=config.origin_secret)
        self._photos = config.open_images
        self.distribution = self._distribution(
            config, api, bucket, web_acl or WebAcl(self, "Firewall", config=config).arn
        )
        self._acknowledge(config)
        if web_acl is None:
            arn = photos.arn(self.distribution)
            AccessLog(self, "AccessLog", distribution_arn=arn, days=config.log_retention_days)
        if self._photos:
            photos.grant(bucket, self.distribution)
        self.target = Target(self.distribution.distribution_domain_name, CLOUDFRONT_ZONE)
        self.url = f"https://{config.domain or self.target.host}"
        if config.domain and config.hosted_zone:
            add_records(self, domain=config.domain, hosted_zone=config.hosted_zone, target=self.target)

    def guard(self, function: lambda_.Function) -> None:
        """Let the function refuse what does not come through this door, and give photos the door's address."""
        function.add_environment("LOOKALIKE_ORIGIN_SECRET", self.secret.accepted)
        if self._photos:
            function.add_environment("LOOKALIKE_PHOTOS_URL", self.url)
        # A new secret reaches CloudFront first: the function in use accepts it already.
        _resource(function).add_resource_dependency(_resource(self.distribution))

    def grant_operators(self, role: iam.Role) -> None:
        """Let operators, who may replace photos, remove the old ones from CloudFront."""
        role.add_to_policy(
            iam.PolicyStatement(
                sid="RemoveCachedPhotos",
                actions=["cloudfront:CreateInvalidation"],
                resources=[photos.arn(self.distribution)],
            )
        )

    def _distribution(
        self, config: Config, api: apigw.HttpApi, bucket: s3.Bucket, web_acl: str
    ) -> cloudfront.Distribution:
        origin = origins.HttpOrigin(
            f"{api.api_id}.execute-api.{Aws.REGION}.{Aws.URL_SUFFIX}",
            custom_headers={HEADER: self.secret.sent},
            protocol_policy=cloudfront.OriginProtocolPolicy.HTTPS_ONLY,
            origin_ssl_protocols=[cloudfront.OriginSslPolicy.TLS_V1_2],
            read_timeout=_READ_TIMEOUT,
        )
        behaviors = {"/static/*": _static(self, origin)}
        if self._photos:
            behaviors[photos.PATHS] = photos.behavior(self, bucket)
        return cloudfront.Distribution(
            self,
            "Distribution",
            comment=f"Image search {Aws.STACK_NAME}",
            default_behavior=cloudfront.BehaviorOptions(
                origin=origin,
                allowed_methods=cloudfront.AllowedMethods.ALLOW_ALL,
                cache_policy=cloudfront.CachePolicy.CACHING_DISABLED,
                compress=False,  # CloudFront compresses only what it may cache
                # With the viewer's Authorization, but without its Host, by which API Gateway finds the API.
                origin_request_policy=cloudfront.OriginRequestPolicy.ALL_VIEWER_EXCEPT_HOST_HEADER,
                viewer_protocol_policy=cloudfront.ViewerProtocolPolicy.REDIRECT_TO_HTTPS,
            ),
            additional_behaviors=behaviors,
            error_responses=[
                cloudfront.ErrorResponse(http_status=status, ttl=Duration.seconds(0)) for status in _ERRORS
            ],
            http_version=cloudfront.HttpVersion.HTTP2_AND_3,
            minimum_protocol_version=cloudfront.SecurityPolicyProtocol.TLS_V1_2_2021 if config.domain else None,
            domain_names=[config.domain] if config.domain else None,
            certificate=_certificate(self, config.certificate),
            web_acl_id=web_acl,
        )

    def _acknowledge(self, config: Config) -> None:
        nag.acknowledge(self.distribution, "CFR1", "The search is for all countries.")
        nag.acknowledge(self.distribution, "CFR3", "Access is logged by standard logging v2 (cdk/front/access_log.py).")
        if not config.domain:
            nag.acknowledge(
                self.distribution, "CFR4", "TLS 1.2 can be demanded only with an own domain (context domain)."
            )


def _static(scope: Construct, origin: cloudfront.IOrigin) -> cloudfront.BehaviorOptions:
    """Static files say `no-cache`: browsers ask for a newer version each time, and CloudFront answers for a minute."""
    return cloudfront.BehaviorOptions(
        origin=origin,
        allowed_methods=cloudfront.AllowedMethods.ALLOW_GET_HEAD,
        cache_policy=cloudfront.CachePolicy(
            scope,
            "StaticCache",
            comment="Static files of the image search: a minute, compressed",
            min_ttl=Duration.minutes(1),
            default_ttl=Duration.minutes(1),
            max_ttl=Duration.days(1),
            enable_accept_encoding_brotli=True,
            enable_accept_encoding_gzip=True,
        ),
        compress=True,
        viewer_protocol_policy=cloudfront.ViewerProtocolPolicy.REDIRECT_TO_HTTPS,
    )


def _certificate(scope: Construct, arn: str | None) -> acm.ICertificate | None:
    return acm.Certificate.from_certificate_arn(scope, "Certificate", arn) if arn else None


def _resource(construct: Construct) -> CfnResource:
    found = construct.node.default_child
    if not isinstance(found, CfnResource):
        raise TypeError(f"{construct.node.path} has no CloudFormation resource")
    return found
