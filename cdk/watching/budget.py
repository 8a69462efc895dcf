"""A monthly budget, so that a bill surprises nobody."""

from aws_cdk import aws_budgets as budgets
from constructs import Construct


class Budget(Construct):
    """A monthly budget of the account's costs, warned of by mail."""

    def __init__(self, scope: Construct, id: str, *, usd: int, email: str) -> None:
        """Make the budget: a forecast of all of it, and four fifths spent."""
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
