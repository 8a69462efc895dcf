import re
from pathlib import Path

import pytest
from aws_cdk import App
from aws_cdk.assertions import Template

from cdk.context.config import Config
from cdk.serving.users import OPERATOR_ACTIONS
from cdk.stack import LookalikeStack
from tests.cdk.conftest import FLAGS, synthesise
from tests.cdk.policy import allowed
from tests.cdk.template import PSEUDO, SynthesisedTemplate

USER = "AWS::Cognito::UserPoolUser"


@pytest.fixture(scope="module")
def invited(tmp_path_factory: pytest.TempPathFactory) -> SynthesisedTemplate:
    """A user pool with a first user, in GovCloud, where everyone needs an authenticator app."""
    context = {"firstUser": "ann@shop.example", "mfa": "required", "region": "us-gov-west-1", "nag": True}
    return synthesise(tmp_path_factory.mktemp("invited"), **context)


def test_only_operators_add_people_and_passwords_are_strong(plain: SynthesisedTemplate) -> None:
    pool = plain.one("AWS::Cognito::UserPool")
    assert pool["AdminCreateUserConfig"]["AllowAdminCreateUserOnly"] is True
    policy = pool["Policies"]["PasswordPolicy"]
    assert policy["MinimumLength"] == 12
    assert all(policy[f"Require{kind}"] for kind in ("Lowercase", "Uppercase", "Numbers", "Symbols"))
    assert pool["UsernameAttributes"] == ["email"]
    assert pool["AccountRecoverySetting"]["RecoveryMechanisms"] == [{"Name": "verified_email", "Priority": 1}]


def test_the_second_factor_is_an_app_never_a_text_message(
    plain: SynthesisedTemplate, invited: SynthesisedTemplate
) -> None:
    for template, mfa in ((plain, "OPTIONAL"), (invited, "ON")):
        pool = template.one("AWS::Cognito::UserPool")
        assert (pool["MfaConfiguration"], pool["EnabledMfas"]) == (mfa, ["SOFTWARE_TOKEN_MFA"])
        assert "SmsConfiguration" not in pool


def test_the_page_is_a_public_client_of_the_code_flow(plain: SynthesisedTemplate) -> None:
    client = plain.one("AWS::Cognito::UserPoolClient")
    assert client["GenerateSecret"] is False
    assert client["AllowedOAuthFlows"] == ["code"]
    assert client["AllowedOAuthScopes"] == ["openid", "email"]
    assert client["CallbackURLs"] == client["LogoutURLs"] == [f"{plain.output('ApiUrl')}/"]
    assert client["PreventUserExistenceErrors"] == "ENABLED"


def test_tokens_are_short_lived_and_refresh_tokens_are_used_once(plain: SynthesisedTemplate) -> None:
    client = plain.one("AWS::Cognito::UserPoolClient")
    assert (client["AccessTokenValidity"], client["IdTokenValidity"], client["RefreshTokenValidity"]) == (60, 60, 720)
    assert set(client["TokenValidityUnits"].values()) == {"minutes"}
    assert client["EnableTokenRevocation"] is True
    assert client["RefreshTokenRotation"] == {"Feature": "ENABLED", "RetryGracePeriodSeconds": 10}
    # Cognito refuses a client with rotation that also allows ALLOW_REFRESH_TOKEN_AUTH.
    assert client["ExplicitAuthFlows"] == ["ALLOW_ADMIN_USER_PASSWORD_AUTH"]


def test_the_prefix_of_the_sign_in_page_is_unique_valid_and_without_a_forbidden_word(
    plain: SynthesisedTemplate, monkeypatch: pytest.MonkeyPatch
) -> None:
    guid = "12345678-9abc-def0-1234-56789abcdef0"
    stack = f"arn:aws:cloudformation:us-east-1:123456789012:stack/AWS-Cognito/{guid}"
    monkeypatch.setitem(PSEUDO, "AWS::StackId", stack)
    prefix = plain.one("AWS::Cognito::UserPoolDomain")["Domain"]
    assert prefix == f"lookalike-{guid}"
    assert re.fullmatch(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", prefix)
    assert not re.search("aws|amazon|cognito", prefix)


def test_the_sign_in_page_has_a_style_and_a_host_name(plain: SynthesisedTemplate, invited: SynthesisedTemplate) -> None:
    # Cognito's managed login shows an error without one.
    assert plain.one("AWS::Cognito::UserPoolDomain")["ManagedLoginVersion"] == 2
    style = plain.one("AWS::Cognito::ManagedLoginBranding")
    assert (style["ClientId"], style["UseCognitoProvidedValues"]) == (plain.output("ClientId"), True)
    (domain,) = plain.of_type("AWS::Cognito::UserPoolDomain")
    assert plain.output("SignInUrl") == f"https://{domain}.auth.us-east-1.amazoncognito.com"
    assert ".auth-fips." in invited.output("SignInUrl")


def test_the_pool_and_its_people_stay_when_the_stack_is_deleted(invited: SynthesisedTemplate) -> None:
    kept = [one for one in invited.body["Resources"].values() if one["Type"] in ("AWS::Cognito::UserPool", USER)]
    assert len(kept) == 2
    for one in kept:
        assert (one["DeletionPolicy"], one["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")


def test_the_first_user_is_invited_by_email_with_the_address_of_the_page(
    plain: SynthesisedTemplate, invited: SynthesisedTemplate
) -> None:
    assert not plain.of_type(USER)
    user = invited.one(USER)
    assert (user["Username"], user["DesiredDeliveryMediums"]) == ("ann@shop.example", ["EMAIL"])
    assert {"Name": "email_verified", "Value": "true"} in user["UserAttributes"]
    message = invited.one("AWS::Cognito::UserPool")["AdminCreateUserConfig"]["InviteMessageTemplate"]["EmailMessage"]
    assert {f"{invited.output('ApiUrl')}/", "{username}", "{####}"} <= set(message.split())


def test_the_page_may_move_to_another_address(tmp_path: Path) -> None:
    app = App(context=FLAGS, outdir=str(tmp_path), builtin_cloud_formation_validation=False)
    stack = LookalikeStack(app, "Lookalike", config=Config())
    assert stack.api.users is not None
    stack.api.users.use_page("https://look.shop.example/")
    template = SynthesisedTemplate(Template.from_stack(stack).to_json())
    client = template.one("AWS::Cognito::UserPoolClient")
    assert client["CallbackURLs"] == client["LogoutURLs"] == ["https://look.shop.example/"]
    invitation = template.one("AWS::Cognito::UserPool")["AdminCreateUserConfig"]["InviteMessageTemplate"]
    assert "https://look.shop.example/" in invitation["EmailMessage"]


def test_operators_add_and_remove_people_but_choose_nobodys_password(plain: SynthesisedTemplate) -> None:
    (pool,) = plain.of_type("AWS::Cognito::UserPool")
    statements = list(plain.statements(plain.output("OperatorRoleArn")))
    for action in OPERATOR_ACTIONS:
        assert allowed(statements, f"cognito-idp:{action}", plain.arn(pool))
        assert not allowed(statements, f"cognito-idp:{action}", plain.arn(pool) + "2")
    for action in ("AdminSetUserPassword", "UpdateUserPoolClient", "DeleteUserPool", "AdminUpdateUserAttributes"):
        assert not allowed(statements, f"cognito-idp:{action}", plain.arn(pool))


def test_without_cognito_there_is_nothing_of_it(
    chosen: SynthesisedTemplate, signed: SynthesisedTemplate, public: SynthesisedTemplate
) -> None:
    for template in (chosen, signed, public):
        assert not [one for one in template.body["Resources"].values() if "Cognito" in one["Type"]]
        assert not {"SignInUrl", "UserPoolId", "ClientId"} & set(template.body["Outputs"])
