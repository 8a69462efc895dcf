from tests.cdk.front.conftest import Stacks


def test_access_is_logged_without_the_query_cookies_or_a_referrer(doors: Stacks, closed: Stacks) -> None:
    for template in (doors["Lookalike-EdgeLog-eu-west-1"], closed["Lookalike"]):
        fields = set(template.one("AWS::Logs::Delivery")["RecordFields"])
        assert {"date", "time", "c-ip", "cs-method", "cs-uri-stem", "sc-status", "time-taken"} <= fields
        assert fields.isdisjoint({"cs-uri-query", "cs(Cookie)", "cs(Referer)"})


def test_the_log_of_the_distribution_goes_to_a_log_group_that_expires(doors: Stacks, closed: Stacks) -> None:
    for template, arn in (
        (doors["Lookalike-EdgeLog-eu-west-1"], "Lookalike.DistributionArn@eu-west-1"),
        (closed["Lookalike"], closed["Lookalike"].output("DistributionArn")),
    ):
        source = template.one("AWS::Logs::DeliverySource")
        assert (source["ResourceArn"], source["LogType"]) == (arn, "ACCESS_LOGS")
        target = template.one("AWS::Logs::DeliveryDestination")
        groups = template.of_type("AWS::Logs::LogGroup")
        (group,) = (name for name in groups if template.arn(name) == target["DestinationResourceArn"])
        assert groups[group]["LogGroupName"].startswith("/aws/vendedlogs/")
        assert groups[group]["RetentionInDays"] == 30
        delivery = template.one("AWS::Logs::Delivery")
        assert delivery["DeliverySourceName"] == source["Name"]
        (name,) = template.of_type("AWS::Logs::DeliveryDestination")
        assert delivery["DeliveryDestinationArn"] == template.arn(name)
        for name in (source["Name"], target["Name"]):
            assert len(name) <= 60
