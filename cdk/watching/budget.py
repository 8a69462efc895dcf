"""A monthly budget with warnings."""

from aws_cdk import aws_budgets as budgets
from aws_cdk import aws_sns as sns
from constructs import Construct


class Budget(Construct):
    """A monthly budget for the costs of the account, with warnings by email."""

    def __init__(self, scope: Construct, id: str, *, usd: int, email: str, spent: sns.ITopic | None) -> None:
        """Make the budget; it warns when 80 % is spent and when the forecast exceeds 100 %.

        Args:
            spent: gets a message when 100 % is spent; None: nothing happens then.
        """
        super().__init__(scope, id)
        mail = budgets.CfnBudget.SubscriberProperty(address=email, subscription_type="EMAIL")
        warnings = [("ACTUAL", 80, [mail]), ("FORECASTED", 100, [mail])]
        if spent:
            called = budgets.CfnBudget.SubscriberProperty(address=spent.topic_arn, subscription_type="SNS")
            warnings.append(("ACTUAL", 100, [mail, called]))
        budgets.CfnBudget(
            self,
            "Budget",
            budget=budgets.CfnBudget.BudgetDataProperty(
                budget_type="COST",
                time_unit="MONTHLY",
                budget_limit=budgets.CfnBudget.SpendProperty(amount=usd, unit="USD"),
            ),
            notifications_with_subscribers=[
                budgets.CfnBudget.NotificationWithSubscribersProperty(
                    notification=budgets.CfnBudget.NotificationProperty(
                        comparison_operator="GREATER_THAN", notification_type=kind, threshold=percent
                    ),
                    subscribers=subscribers,
                )
                for kind, percent, subscribers in warnings
            ],
        )
