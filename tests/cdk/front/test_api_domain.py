from tests.cdk.front.conftest import DOMAIN, certificate
from tests.cdk.template import SynthesisedTemplate


def test_a_domain_without_a_front_door_is_the_only_address_of_the_api(named: SynthesisedTemplate) -> None:
    assert named.one("AWS::ApiGatewayV2::Api")["DisableExecuteApiEndpoint"] is True
    domain = named.one("AWS::ApiGatewayV2::DomainName")
    assert domain["DomainName"] == DOMAIN
    assert domain["DomainNameConfigurations"] == [
        {
            "CertificateArn": certificate("eu-west-1"),
            "EndpointType": "REGIONAL",
            "IpAddressType": "dualstack",
            "SecurityPolicy": "TLS_1_2",
        }
    ]
    mapping = named.one("AWS::ApiGatewayV2::ApiMapping")
    (api,), (name,) = named.of_type("AWS::ApiGatewayV2::Api"), named.of_type("AWS::ApiGatewayV2::DomainName")
    assert mapping == {"ApiId": api, "DomainName": name, "Stage": "$default"}
    assert named.output("ApiUrl") == f"https://{DOMAIN}"


def test_without_a_hosted_zone_an_output_says_which_record_to_make(named: SynthesisedTemplate) -> None:
    assert not named.of_type("AWS::Route53::RecordSet")
    (name,) = named.of_type("AWS::ApiGatewayV2::DomainName")
    assert named.output("DomainTarget") == f"{name}.RegionalDomainName"
    assert named.body["Outputs"]["DomainTarget"]["Description"] == (
        "Make this DNS record: search.shop.example CNAME <this value>"
    )


def test_the_function_needs_no_secret_behind_a_domain(named: SynthesisedTemplate) -> None:
    variables = named.function("lambda_app.handler.handler")["Environment"]["Variables"]
    assert "LOOKALIKE_ORIGIN_SECRET" not in variables
    assert not named.of_type("AWS::SecretsManager::Secret")


def test_operators_may_still_call_the_api(named: SynthesisedTemplate) -> None:
    statements = [one for name in named.of_type("AWS::IAM::Role") for one in named.statements(named.arn(name))]
    (api,) = named.of_type("AWS::ApiGatewayV2::Api")
    assert any(f":{api}/$default/POST/*" in str(one["Resource"]) for one in statements)
