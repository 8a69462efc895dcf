import re

import pytest

from lambda_app.promotion.drop_names import is_changes, is_drop, unfinished_key
from tests.cdk.template import SynthesisedTemplate

PROMOTER = "lambda_app.promoter.handler"


def matches(wildcards: list[dict[str, str]], key: str) -> bool:
    return any(re.fullmatch(re.escape(one["wildcard"]).replace(r"\*", ".*"), key) for one in wildcards)


@pytest.mark.parametrize(
    ("key", "taken"),
    [
        ("drops/a.tar", True),
        ("drops/2026/a.tar.gz", True),
        ("drops/run-1/output/model.tar.gz", True),
        ("drops/a.tgz", True),
        ("drops/a.zip", False),
        ("drops/a.TAR", False),
        ("drops/a.tar.json", False),
        ("drop/a.tar", False),
        ("uploads/a.tar", False),
        ("objects/a.tar", False),
    ],
)
def test_the_rule_matches_archives_under_drops(plain: SynthesisedTemplate, key: str, taken: bool) -> None:
    pattern = plain.one("AWS::Events::Rule")["EventPattern"]
    assert pattern["source"] == ["aws.s3"]
    assert pattern["detail-type"] == ["Object Created"]
    assert pattern["detail"]["bucket"]["name"] == [plain.bucket]
    assert matches(pattern["detail"]["object"]["key"], key) is taken
    assert is_drop(key) is taken


@pytest.mark.parametrize(
    ("key", "taken"),
    [
        ("drops/prices.jsonl", True),
        ("changes/000000000001.jsonl", True),
        (unfinished_key("drops/2026/a.tar.gz"), True),
        (unfinished_key("changes/"), True),
        ("changes/batches/0a.json", False),
    ],
)
def test_the_rule_matches_changes_and_what_starts_the_next_run(
    plain: SynthesisedTemplate, key: str, taken: bool
) -> None:
    pattern = plain.one("AWS::Events::Rule")["EventPattern"]
    assert matches(pattern["detail"]["object"]["key"], key) is taken
    assert is_changes(key) is taken


def test_the_promoter_is_invoked_with_retries_and_a_dead_letter_queue(plain: SynthesisedTemplate) -> None:
    functions = plain.of_type("AWS::Lambda::Function")
    (promoter,) = (name for name, one in functions.items() if one.get("ImageConfig", {}).get("Command") == [PROMOTER])
    (queue,) = plain.of_type("AWS::SQS::Queue")
    (target,) = plain.one("AWS::Events::Rule")["Targets"]
    assert target["Arn"] == plain.alias(PROMOTER)
    assert target["DeadLetterConfig"] == {"Arn": plain.arn(queue)}
    assert target["RetryPolicy"] == {"MaximumEventAgeInSeconds": 7200, "MaximumRetryAttempts": 2}
    invoke = plain.one("AWS::Lambda::EventInvokeConfig")
    assert (invoke["FunctionName"], invoke["Qualifier"]) == (promoter, "live")
    assert invoke["DestinationConfig"]["OnFailure"] == {"Destination": plain.arn(queue)}
    assert (invoke["MaximumRetryAttempts"], invoke["MaximumEventAgeInSeconds"]) == (2, 7200)


def test_the_dead_letter_queue_is_encrypted_requires_tls_and_keeps_messages_two_weeks(
    plain: SynthesisedTemplate,
) -> None:
    queue = plain.one("AWS::SQS::Queue")
    assert queue["SqsManagedSseEnabled"] is True
    assert queue["MessageRetentionPeriod"] == 14 * 24 * 3600
    statements = plain.one("AWS::SQS::QueuePolicy")["PolicyDocument"]["Statement"]
    assert any(
        one["Effect"] == "Deny" and one["Condition"] == {"Bool": {"aws:SecureTransport": "false"}} for one in statements
    )
