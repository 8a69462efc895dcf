import json

from tests.cdk.template import SynthesisedTemplate


def test_the_schedule_starts_the_flow_under_a_name_that_a_job_can_have(
    plain: SynthesisedTemplate, operated: SynthesisedTemplate
) -> None:
    assert not plain.of_type("AWS::Scheduler::Schedule")
    schedule = operated.one("AWS::Scheduler::Schedule")
    assert (schedule["ScheduleExpression"], schedule["ScheduleExpressionTimezone"]) == ("cron(0 3 ? * SUN *)", "UTC")
    assert schedule["FlexibleTimeWindow"] == {"Mode": "OFF"}
    target = schedule["Target"]
    assert target["Arn"] == "arn:aws:scheduler:::aws-sdk:sfn:startExecution"
    order = json.loads(target["Input"])
    assert order["StateMachineArn"] == operated.output("TrainingMachineArn")
    assert order["Name"] == "retraining-<aws.scheduler.execution-id>"
    assert json.loads(order["Input"]) == {"dataset": "shop"}
    # An example of AWS's documentation. The name of a job has letters, digits and hyphens, at most 63.
    name = order["Name"].replace("<aws.scheduler.execution-id>", "d32c5kddcf5bb8c3")
    assert name.replace("-", "").isalnum()
    assert len(name) <= 63


def test_a_retraining_that_could_not_be_started_raises_an_alarm(
    plain: SynthesisedTemplate, operated: SynthesisedTemplate
) -> None:
    def alarms(template: SynthesisedTemplate) -> list[dict]:
        found = template.of_type("AWS::CloudWatch::Alarm").values()
        return [one for one in found if one.get("Namespace") == "AWS/Scheduler"]

    assert not alarms(plain)
    (alarm,) = alarms(operated)
    (group,) = operated.of_type("AWS::Scheduler::ScheduleGroup").values()
    assert alarm["Dimensions"] == [{"Name": "ScheduleGroup", "Value": group["Name"]}]
    assert alarm["MetricName"] == "InvocationDroppedCount"
    assert alarm["AlarmActions"] == [operated.output("NoticesTopicArn")]
