from tests.cdk.template import SynthesisedTemplate


def test_a_budget_sends_mail_about_actual_and_forecast_cost(
    plain: SynthesisedTemplate, chosen: SynthesisedTemplate
) -> None:
    assert not plain.of_type("AWS::Budgets::Budget")
    budget = chosen.one("AWS::Budgets::Budget")
    assert budget["Budget"]["BudgetLimit"] == {"Amount": 50, "Unit": "USD"}
    assert budget["Budget"]["TimeUnit"] == "MONTHLY"
    warnings = budget["NotificationsWithSubscribers"]
    kinds = {(one["Notification"]["NotificationType"], one["Notification"]["Threshold"]) for one in warnings}
    assert kinds == {("ACTUAL", 80), ("FORECASTED", 100)}
    assert all(one["Subscribers"] == [{"Address": "ops@shop.example", "SubscriptionType": "EMAIL"}] for one in warnings)
