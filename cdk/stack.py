"""The whole service as one stack. It composes the constructs and makes every grant."""

from typing import Any

from aws_cdk import Annotations, Aws, CfnOutput, CfnRule, Duration, Fn, Stack
from constructs import Construct

from cdk import permissions
from cdk.context.config import Config
from cdk.context.regions import CONTAINER_ACCOUNTS, DEFAULT_REGION, WITH_BUDGETS
from cdk.front.door import FrontDoor
from cdk.front.origin_secret import HEADER
from cdk.front.outputs import add_front_outputs
from cdk.operators import Operators
from cdk.outputs import Deployed, add_outputs
from cdk.serving.api import Api
from cdk.serving.functions import ImageFunction
from cdk.serving.promotion import Promotion
from cdk.serving.rollout import Rollout, errors_of_the_newest, live_alias
from cdk.storage import Storage
from cdk.training.job import Training
from cdk.training.schedule import Retraining
from cdk.vectors import search_settings, vectors_of
from cdk.watching.alarms import Alarms, Notices
from cdk.watching.budget import Budget
from cdk.watching.dashboard import Dashboard
from cdk.watching.queries import Queries
from cdk.watching.spending import Limiter

API_HANDLER = "lambda_app.handler.handler"
PROMOTER_HANDLER = "lambda_app.promoter.handler"
# API Gateway times out after 30 s; Lambda's maximum is 15 minutes.
API_TIMEOUT = Duration.seconds(29)
PROMOTER_TIMEOUT = Duration.minutes(15)


class LookalikeStack(Stack):
    """Bucket, API, promoter, training, operator role, alarms and dashboard.

    Attributes:
        serving, promoter: the two functions with their roles.
        operators: the role that people assume.
        public_url: the address for people and programs: of the front door or the domain, else of the API itself.
        training: the state machine and the role of its jobs; None in a region without AWS's PyTorch container.
    """

    def __init__(self, scope: Construct, id: str, *, config: Config, web_acl: str | None = None) -> None:
        """Compose the stack from `config`. It deploys to the account that the AWS CLI is signed in to.

        Args:
            web_acl: ARN of the front door's firewall in another stack; None: this stack makes it, in us-east-1.
        """
        super().__init__(scope, id, description="Lookalike: image search over a marketplace's listings")
        self._in_region = config.region or DEFAULT_REGION
        _only_in(self, self._in_region)
        self.storage = Storage(
            self,
            "Storage",
            origins=config.origins,
            drop_days=config.drop_retention_days,
            log_days=config.log_retention_days,
        )
        self.vectors = vectors_of(self, config)
        self.notices = Notices(self, "Notices", email=config.alarm_email)
        self.serving = self._function(
            "Serving", config, API_HANDLER, config.memory, API_TIMEOUT, config.reserved_concurrency
        )
        self.promoter = self._function(
            "Promoter", config, PROMOTER_HANDLER, config.promoter_memory, PROMOTER_TIMEOUT, config.promoter_concurrency
        )
        vectors = self.vectors is not None
        permissions.grant_serving(
            self.serving.role, self.storage.bucket, changes=config.catalogue_writes, vectors=vectors
        )
        permissions.grant_promoter(self.promoter.role, self.storage.bucket, vectors=vectors)

        # Events go to an alias, so that a new version of a function begins to get them only when it is ready.
        self.live_api = live_alias(self.serving.function, config)
        self.live_promoter = live_alias(self.promoter.function)
        self.api = Api(
            self,
            "Api",
            config=config,
            function=self.live_api,
            region=self._in_region,
            bucket=self.storage.bucket,
            web_acl=web_acl,
        )
        self.public_url = self.api.url
        for name, value in self.api.page_settings(config).items():
            self.serving.function.add_environment(name, value)
        self.promotion = Promotion(self, "Promotion", bucket=self.storage.bucket, promoter=self.live_promoter)
        self.training = self._training(config)
        self.operators = Operators(
            self,
            "Operators",
            principal=config.operator_principal,
            bucket=self.storage.bucket,
            api=self.api.api,
            promoter=self.live_promoter,
            dead_letters=self.promotion.dead_letters,
            training=self.training.machine if self.training else None,
            changes=config.catalogue_writes,
            vectors=vectors,
        )
        if self.vectors:
            self.vectors.grant_serving(self.serving.role)
            self.vectors.grant_promoter(self.promoter.role)
            self.vectors.grant_operators(self.operators.role)
        if self.api.users:
            self.api.users.grant_operators(self.operators.role)
        self._open_front(config)
        self._roll_out(config, self._watch(config))
        self._prepare_queries()
        add_outputs(
            self,
            Deployed(
                api=self.api,
                storage=self.storage,
                promoter=self.live_promoter,
                promotion=self.promotion,
                operators=self.operators,
                notices=self.notices,
                dashboard=self.dashboard,
                training=self.training,
                vectors=self.vectors,
            ),
        )

    def _open_front(self, config: Config) -> None:
        """Let requests come through the front door only, and say where it is."""
        if isinstance(self.api.front, FrontDoor):
            self.api.front.guard(self.serving.function)
            self.api.front.grant_operators(self.operators.role)
        if self.api.front:
            add_front_outputs(self, self.api.front, config, self.api.api)

    def _roll_out(self, config: Config, alarms: Alarms) -> None:
        front = self.api.front
        Rollout(
            self,
            "Rollout",
            config=config,
            function=self.serving.function,
            alias=self.live_api,
            alarms=alarms.of_the_api,
            headers={HEADER: front.secret.sent} if isinstance(front, FrontDoor) else {},
        )

    def _training(self, config: Config) -> Training | None:
        account = config.training_account or CONTAINER_ACCOUNTS.get(self._in_region)
        if account is None:
            self._left_out(
                "training",
                "the account of AWS's PyTorch container there is not known; -c trainingAccount=<12 digits> names it",
            )
            return None
        return Training(
            self,
            "Training",
            config=config,
            account=account,
            bucket=self.storage.bucket,
            topic=self.notices.topic,
        )

    def _retraining(self, config: Config) -> Retraining | None:
        when, dataset = config.retrain, config.retrain_dataset
        if when is None or dataset is None or self.training is None:
            return None
        return Retraining(self, "Retraining", when=when, dataset=dataset, machine=self.training.machine)

    def _left_out(self, part: str, reason: str) -> None:
        words = f"{self._in_region}: the stack is made without {part}: {reason}"
        Annotations.of(self).add_warning_v2(f"lookalike:no-{part}", words)

    def _function(
        self, id: str, config: Config, command: str, memory: int, timeout: Duration, reserved: int | None
    ) -> ImageFunction:
        return ImageFunction(
            self,
            id,
            config=config,
            command=command,
            memory=memory,
            timeout=timeout,
            reserved_concurrency=reserved,
            environment={
                "LOOKALIKE_STORE": f"s3://{self.storage.bucket.bucket_name}",
                "LOOKALIKE_CORS_ORIGINS": ",".join(config.origins),
                "LOOKALIKE_RELOAD_SECONDS": str(config.reload_seconds),
                "LOOKALIKE_STACK": Aws.STACK_NAME,
                **search_settings(config, self.vectors),
            },
        )

    def _watch(self, config: Config) -> Alarms:
        watched: dict[str, Any] = {
            "api": self.api.api,
            "function": self.serving.function,
            "promoter": self.promoter.function,
            "training": self.training.machine if self.training else None,
            "vectors": self.vectors is not None,
        }
        retraining, limiter = self._retraining(config), self._budget(config)
        alarms = Alarms(
            self,
            "Alarms",
            topic=self.notices.topic,
            dead_letters=self.promotion.dead_letters,
            latency_ms=config.latency_alarm_ms,
            newest=errors_of_the_newest(self.serving.function),
            limiter=limiter.function if limiter else None,
            not_retrained=retraining.dropped if retraining else None,
            **watched,
        )
        self.dashboard = Dashboard(self, "Dashboard", alarms=alarms.alarms, **watched)
        return alarms

    def _budget(self, config: Config) -> Limiter | None:
        """Make the budget; with `config.budget_action`, return what acts when it is spent."""
        if config.budget is None or config.alarm_email is None:
            return None
        if self._in_region not in WITH_BUDGETS:
            self._left_out("budget", "CloudFormation has no budgets there; make one in the console (Billing, Budgets)")
            return None
        limiter = None
        if config.budget_action:
            role = self.training.machine.role if self.training else None
            limiter = Limiter(self, "Limiter", config=config, api=self.api.api, training=role, key=self.notices.key)
            self.operators.may_call(limiter.function)
            CfnOutput(
                self, "LimiterName", value=limiter.function.function_name, description="Limits and restores spending"
            )
        Budget(self, "Budget", usd=config.budget, email=config.alarm_email, spent=limiter.topic if limiter else None)
        return limiter

    def _prepare_queries(self) -> None:
        groups = {
            "access": self.api.access_log,
            "api": self.serving.log_group,
            "promoter": self.promoter.log_group,
            **({"training": self.training.log_group} if self.training else {}),
        }
        Queries(self, "Queries", groups=groups)


def _only_in(stack: Stack, region: str) -> None:
    """Let the template fail at once in another region: it has this region's containers and parts."""
    rule = CfnRule(stack, "MadeForThisRegion")
    rule.add_assertion(
        Fn.condition_equals(stack.region, region),
        f"This template was made for {region}. scripts/synth -c region=REGION makes one for another region",
    )
