"""The HTTP API in front of the function: authorizer, throttling, CORS origins and access log."""

import json
from collections.abc import Sequence

from aws_cdk import Duration
from aws_cdk import aws_apigatewayv2 as apigw
from aws_cdk import aws_apigatewayv2_authorizers as authorizers
from aws_cdk import aws_apigatewayv2_integrations as integrations
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from cdk import nag
from cdk.context.config import Config
from cdk.log_group import log_group

# The page, its files, the API description and the health check. None of them shows anything of the catalogue.
OPEN_PATHS = ("/", "/static/{proxy+}", "/docs", "/openapi.json", "/healthcheck")
EXPOSED_HEADERS = ("Server-Timing", "X-Lookalike-Release", "X-Request-Id")

_ACCESS_LOG = {
    "time": "$context.requestTime",
    "request_id": "$context.requestId",
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
        url: its address, without a trailing slash.
    """

    def __init__(self, scope: Construct, id: str, *, config: Config, function: lambda_.IFunction) -> None:
        """Make the API."""
        super().__init__(scope, id)
        integration = integrations.HttpLambdaIntegration("Lambda", function)
        self.api = apigw.HttpApi(
            self,
            "Api",
            create_default_stage=False,
            default_integration=integration,
            default_authorizer=_authorizer(config),
            cors_preflight=_cors(config.origins),
        )
        if config.auth == "none":
            nag.acknowledge(self.api, "APIG4", "Open by the deployer's choice (auth=none), throttled and logged.")
        else:
            self._open(integration)
        stage = apigw.HttpStage(
            self,
            "Stage",
            http_api=self.api,
            stage_name="$default",
            auto_deploy=True,
            throttle=apigw.ThrottleSettings(rate_limit=config.throttle_rate, burst_limit=config.throttle_burst),
        )
        access = log_group(self, "Access", config.log_retention_days, vended="api")
        # The L2 property cannot be set from Python: it needs an object with a `bind` method.
        stage.node.default_child.access_log_settings = apigw.CfnStage.AccessLogSettingsProperty(  # type: ignore[union-attr]
            destination_arn=access.log_group_arn, format=json.dumps(_ACCESS_LOG)
        )
        self.url = self.api.api_endpoint

    def _open(self, integration: apigw.HttpRouteIntegration) -> None:
        """Add the routes without an authorizer. Preflights carry no credentials: `$default` would refuse them."""
        reads, preflight = [apigw.HttpMethod.GET, apigw.HttpMethod.HEAD], [apigw.HttpMethod.OPTIONS]
        routes = [(path, reads) for path in OPEN_PATHS] + [("/{proxy+}", preflight), ("/", preflight)]
        for path, methods in routes:
            for route in self.api.add_routes(
                path=path,
                methods=methods,
                integration=integration,
                authorizer=apigw.HttpNoneAuthorizer(),
            ):
                nag.acknowledge(route, "APIG4", "Open by design: the page, the API's description, health, preflights.")


def _authorizer(config: Config) -> apigw.IHttpRouteAuthorizer | None:
    if config.auth == "iam":
        return authorizers.HttpIamAuthorizer()
    if config.auth == "jwt":
        return authorizers.HttpJwtAuthorizer("Jwt", str(config.jwt_issuer), jwt_audience=list(config.jwt_audience))
    return None


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
