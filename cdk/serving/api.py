"""The HTTP API in front of the function: authorizer, throttling, CORS origins and access log."""

import json
from collections.abc import Sequence

from aws_cdk import Duration
from aws_cdk import aws_apigatewayv2 as apigw
from aws_cdk import aws_apigatewayv2_authorizers as authorizers
from aws_cdk import aws_apigatewayv2_integrations as integrations
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from constructs import Construct

from cdk import nag
from cdk.context.config import Config
from cdk.context.regions import FIPS_ONLY
from cdk.front.api_domain import ApiDomain
from cdk.front.door import FrontDoor
from cdk.log_group import log_group
from cdk.serving.users import SCOPES, Users

# The page, its files and settings, the API description and the health check: nothing of the catalogue.
OPEN_PATHS = ("/", "/static/{proxy+}", "/config.json", "/docs", "/openapi.json", "/healthcheck")
# Photos of listings, by id. An <img> cannot send a token.
IMAGES = "/images/{proxy+}"
# What changes the catalogue, as method and path: for principals of IAM, whatever `auth` says.
WRITING_ROUTES = (("PUT", "/items/{proxy+}"), ("DELETE", "/items/{proxy+}"), ("POST", "/items:batch"))
EXPOSED_HEADERS = ("Retry-After", "Server-Timing", "X-Lookalike-Release", "X-Request-Id")

_ACCESS_LOG = {
    "time": "$context.requestTime",
    "request_id": "$context.requestId",
    # The id of the function's run. The function's own log lines have it too.
    "invocation": "$context.awsEndpointRequestId",
    "source_ip": "$context.identity.sourceIp",
    "method": "$context.httpMethod",
    "path": "$context.path",
    "route": "$context.routeKey",
    "status": "$context.status",
    "bytes": "$context.responseLength",
    "latency_ms": "$context.responseLatency",
    "integration_latency_ms": "$context.integrationLatency",
    "authorizer_error": "$context.authorizer.error",
    "integration_error": "$context.integrationErrorMessage",
    "user_agent": "$context.identity.userAgent",
}


class Api(Construct):
    """API Gateway's HTTP API on its `$default` stage, so paths contain no stage name.

    Attributes:
        api: the API; every route calls the same function.
        front: what the public address leads to before the API: CloudFront or a domain name; None: neither.
        url: the public address, without a trailing slash.
        users: the user pool; None unless auth is cognito.
        access_log: a line of `_ACCESS_LOG` for each request.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        config: Config,
        function: lambda_.IFunction,
        region: str,
        bucket: s3.Bucket,
        web_acl: str | None,
    ) -> None:
        """Make the API.

        Args:
            bucket: the store's, from which the front door reads photos.
            web_acl: ARN of the front door's firewall in another stack; None: in this stack, if there is a front door.
        """
        super().__init__(scope, id)
        integration = integrations.HttpLambdaIntegration("Lambda", function)
        # In this order: the user pool needs the API's address, and the routes need the pool.
        self.api = apigw.HttpApi(
            self,
            "Api",
            create_default_stage=False,
            cors_preflight=_cors(config.origins),
            # With a domain name, this is the only address. CloudFront needs the other one, and adds its secret.
            disable_execute_api_endpoint=True if config.domain and not config.front_door else None,
        )
        self.front = self._front(config, bucket, web_acl)
        self.url = self.front.url if self.front else self.api.api_endpoint
        self.users = self._users(config, region) if config.auth == "cognito" else None
        apigw.HttpRoute(
            self.api,
            "DefaultRoute",
            http_api=self.api,
            route_key=apigw.HttpRouteKey.DEFAULT,
            integration=integration,
            authorizer=self._authorizer(config),
        )
        if config.auth == "none":
            nag.acknowledge(self.api, "APIG4", "Open by the deployer's choice (auth=none), throttled and logged.")
        else:
            self._open(integration, (*OPEN_PATHS, IMAGES) if config.open_images else OPEN_PATHS)
        if config.catalogue_writes:
            for method, path in WRITING_ROUTES:
                self.api.add_routes(
                    path=path,
                    methods=[apigw.HttpMethod[method]],
                    integration=integration,
                    authorizer=authorizers.HttpIamAuthorizer(),
                )
        stage = apigw.HttpStage(
            self,
            "Stage",
            http_api=self.api,
            stage_name="$default",
            auto_deploy=True,
            domain_mapping=self.front.mapping if isinstance(self.front, ApiDomain) else None,
            throttle=apigw.ThrottleSettings(rate_limit=config.throttle_rate, burst_limit=config.throttle_burst),
        )
        self.access_log = log_group(self, "Access", config.log_retention_days, vended="api")
        # The L2 property cannot be set from Python: it needs an object with a `bind` method.
        stage.node.default_child.access_log_settings = apigw.CfnStage.AccessLogSettingsProperty(  # type: ignore[union-attr]
            destination_arn=self.access_log.log_group_arn, format=json.dumps(_ACCESS_LOG)
        )

    def page_settings(self, config: Config) -> dict[str, str]:
        """The environment variables of serving that say who may call, and tell the page how to sign in."""
        found = {"LOOKALIKE_AUTH": config.auth}
        if config.catalogue_writes:
            found["LOOKALIKE_CATALOGUE_WRITES"] = "iam"
        if self.users:
            found |= {
                "LOOKALIKE_OIDC_ISSUER": self.users.pool.user_pool_provider_url,
                "LOOKALIKE_OIDC_CLIENT_ID": self.users.client.user_pool_client_id,
                "LOOKALIKE_OIDC_SCOPES": " ".join(SCOPES),
                "LOOKALIKE_OIDC_ORIGINS": self.users.sign_in_url,
            }
        elif config.auth == "jwt" and config.jwt_client_id:
            found |= {
                "LOOKALIKE_OIDC_ISSUER": str(config.jwt_issuer),
                "LOOKALIKE_OIDC_CLIENT_ID": config.jwt_client_id,
                "LOOKALIKE_OIDC_SCOPES": " ".join(config.jwt_scopes),
                "LOOKALIKE_OIDC_ORIGINS": ",".join(config.jwt_origins),
            }
        return found

    def _front(self, config: Config, bucket: s3.Bucket, web_acl: str | None) -> FrontDoor | ApiDomain | None:
        if config.front_door:
            return FrontDoor(self, "FrontDoor", config=config, api=self.api, bucket=bucket, web_acl=web_acl)
        if config.domain and config.certificate:
            return ApiDomain(
                self,
                "Domain",
                domain=config.domain,
                certificate=config.certificate,
                hosted_zone=config.hosted_zone,
            )
        return None

    def _users(self, config: Config, region: str) -> Users:
        return Users(
            self,
            "Users",
            page=f"{self.url}/",
            first_user=config.first_user,
            mfa_required=config.mfa == "required",
            fips=region in FIPS_ONLY,
        )

    def _authorizer(self, config: Config) -> apigw.IHttpRouteAuthorizer | None:
        if self.users:
            # Access tokens of Cognito have no `aud`; API Gateway then compares their `client_id`.
            client = self.users.client.user_pool_client_id
            issuer = self.users.pool.user_pool_provider_url
            return authorizers.HttpJwtAuthorizer("Users", issuer, jwt_audience=[client])
        if config.auth == "iam":
            return authorizers.HttpIamAuthorizer()
        if config.auth == "jwt":
            return authorizers.HttpJwtAuthorizer("Jwt", str(config.jwt_issuer), jwt_audience=list(config.jwt_audience))
        return None

    def _open(self, integration: apigw.HttpRouteIntegration, paths: Sequence[str]) -> None:
        """Add the routes without an authorizer. Preflights carry no credentials: `$default` would refuse them."""
        reads, preflight = [apigw.HttpMethod.GET, apigw.HttpMethod.HEAD], [apigw.HttpMethod.OPTIONS]
        routes = [(path, reads) for path in paths] + [("/{proxy+}", preflight), ("/", preflight)]
        for path, methods in routes:
            for route in self.api.add_routes(
                path=path,
                methods=methods,
                integration=integration,
                authorizer=apigw.HttpNoneAuthorizer(),
            ):
                nag.acknowledge(route, "APIG4", "Open by design: page, API description, health, photos, preflights.")


def _cors(origins: Sequence[str]) -> apigw.CorsPreflightOptions | None:
    """CORS headers from the API itself: a page can then also read the API's own 401, 403 and 429 responses."""
    if not origins:
        return None
    return apigw.CorsPreflightOptions(
        allow_origins=list(origins),
        allow_methods=[apigw.CorsHttpMethod.GET, apigw.CorsHttpMethod.POST, apigw.CorsHttpMethod.HEAD],
        allow_headers=[
            "Authorization",
            "Content-Type",
            "X-Amz-Content-Sha256",
            "X-Amz-Date",
            "X-Amz-Security-Token",
            "X-Request-Id",
        ],
        expose_headers=list(EXPOSED_HEADERS),
        max_age=Duration.hours(1),
    )
