"""The firewall before CloudFront: a limit of requests for each IP address."""

import json
from collections.abc import Sequence

from aws_cdk import aws_wafv2 as waf
from constructs import Construct

from cdk.context.config import Config

# The path of photos, if they come from the bucket: a page shows many of them, and they cost no work.
PHOTOS = "/datasets/"
# A path of a photo begins so, both as it was sent and as it is resolved. /datasets/../predict leads to the API. So do
# //datasets/1.jpg and /datasets%2F1.jpg, which are /datasets/1.jpg only when they are resolved. So these three count.
_READ_AS = (("NONE",), ("URL_DECODE", "NORMALIZE_PATH"))
_ANSWER = {
    "type": "about:blank",
    "title": "Too Many Requests",
    "status": 429,
    "detail": "too many requests from this address in the last 5 minutes",
}


class WebAcl(Construct):
    """A web ACL for CloudFront, so it must be in a stack of us-east-1.

    It has none of AWS's common rules: they refuse bodies over 8 KB, and find attacks in the bytes of photos.

    Attributes:
        arn: the ARN of the web ACL.
    """

    def __init__(self, scope: Construct, id: str, *, config: Config) -> None:
        """Make the web ACL. More than `config.waf_rate` requests in 5 minutes from one IP address are answered 429."""
        super().__init__(scope, id)
        acl = waf.CfnWebACL(
            self,
            "Acl",
            scope="CLOUDFRONT",
            default_action=waf.CfnWebACL.DefaultActionProperty(allow={}),
            visibility_config=_visibility("front"),
            custom_response_bodies={
                "busy": waf.CfnWebACL.CustomResponseBodyProperty(
                    content_type="APPLICATION_JSON", content=json.dumps(_ANSWER)
                )
            },
            rules=[_rate_rule(config.waf_rate, _no_photo() if config.open_images else None)],
        )
        self.arn = acl.attr_arn


def _no_photo() -> waf.CfnWebACL.StatementProperty:
    photo = waf.CfnWebACL.StatementProperty(
        and_statement=waf.CfnWebACL.AndStatementProperty(statements=[_begins(kinds) for kinds in _READ_AS])
    )
    return waf.CfnWebACL.StatementProperty(not_statement=waf.CfnWebACL.NotStatementProperty(statement=photo))


def _begins(kinds: Sequence[str]) -> waf.CfnWebACL.StatementProperty:
    """The path begins as that of a photo, after these transformations."""
    return waf.CfnWebACL.StatementProperty(
        byte_match_statement=waf.CfnWebACL.ByteMatchStatementProperty(
            search_string=PHOTOS,
            field_to_match=waf.CfnWebACL.FieldToMatchProperty(uri_path={}),
            positional_constraint="STARTS_WITH",
            text_transformations=[
                waf.CfnWebACL.TextTransformationProperty(priority=priority, type=kind)
                for priority, kind in enumerate(kinds)
            ],
        )
    )


def _rate_rule(rate: int, counted: waf.CfnWebACL.StatementProperty | None) -> waf.CfnWebACL.RuleProperty:
    return waf.CfnWebACL.RuleProperty(
        name="rate",
        priority=0,
        statement=waf.CfnWebACL.StatementProperty(
            rate_based_statement=waf.CfnWebACL.RateBasedStatementProperty(
                limit=rate,
                evaluation_window_sec=300,
                aggregate_key_type="IP",
                scope_down_statement=counted,
            )
        ),
        action=waf.CfnWebACL.RuleActionProperty(
            block=waf.CfnWebACL.BlockActionProperty(
                custom_response=waf.CfnWebACL.CustomResponseProperty(response_code=429, custom_response_body_key="busy")
            )
        ),
        visibility_config=_visibility("front-rate"),
    )


def _visibility(name: str) -> waf.CfnWebACL.VisibilityConfigProperty:
    """Metrics under this name. AWS WAF has some names for itself, such as "All"."""
    return waf.CfnWebACL.VisibilityConfigProperty(
        cloud_watch_metrics_enabled=True, metric_name=name, sampled_requests_enabled=True
    )
