from cdk.watching import metrics
from tests.cdk.policy import allowed
from tests.cdk.template import SynthesisedTemplate


def watched(template: SynthesisedTemplate) -> set[str]:
    """The metric of every alarm, as `namespace/name`; for an expression, the metrics that it sums."""
    found = set()
    for alarm in template.of_type("AWS::CloudWatch::Alarm").values():
        parts = [one["MetricStat"]["Metric"] for one in alarm.get("Metrics", ()) if "MetricStat" in one] or [alarm]
        found |= {f"{one['Namespace']}/{one['MetricName']}" for one in parts}
    return found


def test_every_metric_that_needs_attention_has_an_alarm(plain: SynthesisedTemplate) -> None:
    assert watched(plain) == {
        "AWS/ApiGateway/5xx",
        "AWS/ApiGateway/Latency",
        "AWS/Lambda/Errors",
        "AWS/Lambda/Throttles",
        "AWS/SQS/ApproximateNumberOfMessagesVisible",
        "AWS/States/ExecutionsFailed",
        "AWS/States/ExecutionsTimedOut",
        "Lookalike/RefusedDrops",
        "Lookalike/ReloadFailures",
    }


def test_what_a_vector_index_refuses_has_alarms_only_with_a_vector_bucket(
    plain: SynthesisedTemplate, vectored: SynthesisedTemplate
) -> None:
    assert watched(vectored) - watched(plain) == {"Lookalike/VectorSearchThrottled", "Lookalike/VectorSearchFailed"}
    named = {one.get("MetricName"): one for one in vectored.of_type("AWS::CloudWatch::Alarm").values()}
    thresholds = {metrics.VECTOR_SEARCH_THROTTLED: 20, metrics.VECTOR_SEARCH_FAILED: 5}
    for metric, threshold in thresholds.items():
        alarm = named[metric]
        assert (alarm["Threshold"], alarm["Statistic"], alarm["Period"]) == (threshold, "Sum", 300)
        assert {one["Name"]: one["Value"] for one in alarm["Dimensions"]} == {"service": "api", "stack": "Lookalike"}
        assert alarm["AlarmActions"] == [vectored.output("NoticesTopicArn")]
        assert alarm["TreatMissingData"] == "notBreaching"


def test_every_alarm_notifies_the_topic_and_none_fires_without_traffic(plain: SynthesisedTemplate) -> None:
    alarms = plain.of_type("AWS::CloudWatch::Alarm").values()
    assert len(alarms) == 11
    for alarm in alarms:
        assert alarm["AlarmActions"] == [plain.output("NoticesTopicArn")]
        assert alarm["TreatMissingData"] == "notBreaching"
        assert alarm["AlarmDescription"]


def test_the_latency_alarm_needs_three_periods_over_the_95th_percentile_limit(plain: SynthesisedTemplate) -> None:
    (alarm,) = (one for one in plain.of_type("AWS::CloudWatch::Alarm").values() if one.get("MetricName") == "Latency")
    assert (alarm["ExtendedStatistic"], alarm["Threshold"], alarm["EvaluationPeriods"]) == ("p95", 3000, 3)


def test_alarms_on_custom_metrics_use_the_dimensions_of_their_service_and_stack(plain: SynthesisedTemplate) -> None:
    own = {
        alarm["MetricName"]: {one["Name"]: one["Value"] for one in alarm["Dimensions"]}
        for alarm in plain.of_type("AWS::CloudWatch::Alarm").values()
        if alarm.get("Namespace") == metrics.NAMESPACE
    }
    assert own == {
        "ReloadFailures": {"service": "api", "stack": "Lookalike"},
        "RefusedDrops": {"service": "promoter", "stack": "Lookalike"},
    }


def test_the_topic_is_encrypted_with_a_key_that_alarms_may_use_and_requires_tls(plain: SynthesisedTemplate) -> None:
    (key,) = plain.of_type("AWS::KMS::Key")
    assert plain.one("AWS::SNS::Topic")["KmsMasterKeyId"] == plain.arn(key)
    assert plain.one("AWS::KMS::Key")["EnableKeyRotation"] is True
    services = [one for one in plain.one("AWS::KMS::Key")["KeyPolicy"]["Statement"] if "Service" in one["Principal"]]
    assert {one["Principal"]["Service"] for one in services} == {"cloudwatch.amazonaws.com"}
    assert all(allowed(services, action, "*") for action in ("kms:Decrypt", "kms:GenerateDataKey"))
    policy = plain.one("AWS::SNS::TopicPolicy")["PolicyDocument"]["Statement"]
    topic = plain.output("NoticesTopicArn")
    ours = {"aws:SourceAccount": "123456789012"}
    assert allowed(policy, "sns:Publish", topic, ours)
    assert not allowed(policy, "sns:Publish", topic, {"aws:SourceAccount": "999999999999"})
    assert not allowed(policy, "sns:Publish", topic, ours | {"aws:SecureTransport": "false"})


def test_a_configured_address_is_subscribed_to_the_topic(
    plain: SynthesisedTemplate, chosen: SynthesisedTemplate
) -> None:
    assert not plain.of_type("AWS::SNS::Subscription")
    subscription = chosen.one("AWS::SNS::Subscription")
    assert (subscription["Protocol"], subscription["Endpoint"]) == ("email", "ops@shop.example")
