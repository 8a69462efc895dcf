"""People who may sign in: a user pool of Amazon Cognito, its sign-in page, and the client that the web page is."""

from aws_cdk import Duration, Fn, RemovalPolicy, Stack
from aws_cdk import aws_cognito as cognito
from aws_cdk import aws_iam as iam
from constructs import Construct

from cdk import nag

SCOPES = ("openid", "email")
# Refresh tokens are of use for a working day, access tokens for an hour. A leaked one is of no use after that.
DAY_AT_WORK, ACCESS = Duration.hours(12), Duration.hours(1)
OPERATOR_ACTIONS = (
    "AdminCreateUser",
    "AdminDeleteUser",
    "AdminDisableUser",
    "AdminEnableUser",
    "AdminGetUser",
    "AdminInitiateAuth",
    "AdminResetUserPassword",
    "AdminUserGlobalSignOut",
    "ListUsers",
)


class Users(Construct):
    """A user pool without sign-up: only an operator adds people.

    Attributes:
        pool: the pool. It stays when the stack is deleted, because passwords cannot be exported.
        client: a public client (no secret) for the authorization-code flow with PKCE.
        sign_in_url: the address of the sign-in page, of Cognito's managed login.
    """

    def __init__(
        self, scope: Construct, id: str, *, page: str, first_user: str | None, mfa_required: bool, fips: bool
    ) -> None:
        """Make the pool.

        Args:
            page: the address of the web page, with its last slash.
            first_user: email address of the first person, who gets an invitation; None: nobody.
            mfa_required: whether everyone must set up an authenticator app at the first sign-in.
            fips: whether the sign-in page has the host name of GovCloud.
        """
        super().__init__(scope, id)
        self.pool = _pool(self, mfa_required)
        self.client = self.pool.add_client(
            "Page",
            generate_secret=False,
            auth_flows=cognito.AuthFlow(admin_user_password=True),  # for scripts; it needs AWS credentials
            o_auth=cognito.OAuthSettings(
                flows=cognito.OAuthFlows(authorization_code_grant=True),
                scopes=[cognito.OAuthScope.OPENID, cognito.OAuthScope.EMAIL],
                callback_urls=[page],
                logout_urls=[page],
            ),
            supported_identity_providers=[cognito.UserPoolClientIdentityProvider.COGNITO],
            prevent_user_existence_errors=True,
            enable_token_revocation=True,
            access_token_validity=ACCESS,
            id_token_validity=ACCESS,
            refresh_token_validity=DAY_AT_WORK,
            # Each renewal gives a new refresh token; the old one works for 10 s more, should the answer get lost.
            refresh_token_rotation_grace_period=Duration.seconds(10),
        )
        # A prefix is unique in its region. The stack's own id is, and it cannot contain a forbidden word such as "aws".
        prefix = f"lookalike-{Fn.select(2, Fn.split('/', Stack.of(self).stack_id))}"
        domain = self.pool.add_domain(
            "SignIn",
            cognito_domain=cognito.CognitoDomainOptions(domain_prefix=prefix),
            managed_login_version=cognito.ManagedLoginVersion.NEWER_MANAGED_LOGIN,
        )
        # Without a style, Cognito's managed login shows an error instead of its page.
        cognito.CfnManagedLoginBranding(
            self,
            "Style",
            user_pool_id=self.pool.user_pool_id,
            client_id=self.client.user_pool_client_id,
            use_cognito_provided_values=True,
        )
        self.sign_in_url = domain.base_url(fips=fips)
        self.use_page(page)
        if first_user is not None:
            _invite(self, self.pool, first_user)

    def use_page(self, page: str) -> None:
        """Sign in from the page at this address, instead of the one given before."""
        client, pool = self.client.node.default_child, self.pool.node.default_child
        client.callback_ur_ls = client.logout_ur_ls = [page]  # type: ignore[union-attr]
        pool.add_property_override(  # type: ignore[union-attr]
            "AdminCreateUserConfig.InviteMessageTemplate",
            {
                "EmailSubject": "Your account for the image search",
                "EmailMessage": f"Sign in at {page} with the user name {{username}} and this password: {{####}} "
                "(it works for 7 days; you then choose your own).",
            },
        )

    def grant_operators(self, role: iam.Role) -> None:
        """Let operators add, block and remove people, and get a token with somebody's password for a script."""
        actions = [f"cognito-idp:{action}" for action in OPERATOR_ACTIONS]
        role.add_to_policy(iam.PolicyStatement(sid="Users", actions=actions, resources=[self.pool.user_pool_arn]))


def _pool(scope: Construct, mfa_required: bool) -> cognito.UserPool:
    pool = cognito.UserPool(
        scope,
        "Pool",
        self_sign_up_enabled=False,
        sign_in_aliases=cognito.SignInAliases(email=True),
        sign_in_case_sensitive=False,
        auto_verify=cognito.AutoVerifiedAttrs(email=True),
        standard_attributes=cognito.StandardAttributes(email=cognito.StandardAttribute(required=True, mutable=True)),
        password_policy=cognito.PasswordPolicy(
            min_length=12,
            require_lowercase=True,
            require_uppercase=True,
            require_digits=True,
            require_symbols=True,
            temp_password_validity=Duration.days(7),
        ),
        mfa=cognito.Mfa.REQUIRED if mfa_required else cognito.Mfa.OPTIONAL,
        mfa_second_factor=cognito.MfaSecondFactor(otp=True, sms=False),
        account_recovery=cognito.AccountRecovery.EMAIL_ONLY,
        feature_plan=cognito.FeaturePlan.ESSENTIALS,
        # As the buckets: kept when the stack is deleted, but not when its first deployment fails.
        removal_policy=RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
    )
    if not mfa_required:
        nag.acknowledge(pool, "COG2", "MFA is the deployer's choice (mfa=required): people need an authenticator app.")
    nag.acknowledge(pool, "COG3", "Threat protection costs more per person (plan Plus); there is no sign-up here.")
    nag.acknowledge(
        pool, "COG8", "The plan Plus costs more per person; there is no sign-up, and an operator adds people."
    )
    return pool


def _invite(scope: Construct, pool: cognito.UserPool, email: str) -> None:
    user = cognito.CfnUserPoolUser(
        scope,
        "FirstUser",
        user_pool_id=pool.user_pool_id,
        username=email,
        desired_delivery_mediums=["EMAIL"],
        user_attributes=[
            cognito.CfnUserPoolUser.AttributeTypeProperty(name="email", value=email),
            cognito.CfnUserPoolUser.AttributeTypeProperty(name="email_verified", value="true"),
        ],
    )
    # A later deployment without `firstUser`, or with another one, removes nobody.
    user.apply_removal_policy(RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE)
