"""A monthly budget with warnings."""

from aws_cdk import aws_budgets as budgets
from constructs import Construct


class Budget(Construct):
    """A monthly budget for the costs of the account, with warnings by email."""

    def __init__(self, scope: Construct, id: str, *, usd: int, email: str) -> None:
        """Make the budget; it warns when 80 % is spent and when the forecast exceeds 100 %."""
        super().__init__(scope, id)
        mail = budgets.CfnBudget.SubscriberProperty(address=email, subscription_type="EMAIL")
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
                    subscribers=[mail],
                )
                for kind, percent in (("ACTUAL", 80), ("FORECASTED", 100))
            ],
        )
