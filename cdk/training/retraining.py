"""The first states of a retraining, which a schedule or a person starts with the input `{"dataset": "<name>"}`.

They read what `scripts/train-remote --save-schedule` saved for that dataset: the code, the hyperparameters and any
weights. They look up the live release, whose categories must keep their order: the job gets its manifest as a channel,
because a drop with other categories would be refused. And if another training runs, this one ends at once: a schedule
that is shorter than a job, or an event that is delivered twice, costs nothing. The oldest of several goes on.
"""

from typing import Any

# What the states read, besides the manifest that SageMaker copies.
SAVED = "training/schedule/"
POINTER = "live.json"


def retraining(partition: str, bucket: str, *, then: str, failed: str) -> dict[str, Any]:
    """The states, of which the first one is "Saved order".

    Args:
        then: the state that follows, with `code`, `hyperparameters`, `weights` (if any) and `release` (if one is live).
        failed: the state that follows an error, which is in `$.failure`.
    """
    sdk = f"arn:{partition}:states:::aws-sdk"
    catch = [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.failure", "Next": failed}]
    return {
        "Saved order": {
            "Type": "Task",
            "Resource": f"{sdk}:s3:getObject",
            "Parameters": {"Bucket": bucket, "Key.$": f"States.Format('{SAVED}{{}}.json', $.dataset)"},
            "ResultSelector": {"order.$": "States.StringToJson($.Body)"},
            "ResultPath": "$.saved",
            "Catch": catch,
            "Next": "Order",
        },
        # What the input says comes before what was saved.
        "Order": {
            "Type": "Pass",
            "Parameters": {"order.$": "States.JsonMerge($.saved.order, $$.Execution.Input, false)"},
            "OutputPath": "$.order",
            "Next": "Running",
        },
        "Running": {
            "Type": "Task",
            "Resource": f"{sdk}:sfn:listExecutions",
            "Parameters": {"StateMachineArn.$": "$$.StateMachine.Id", "StatusFilter": "RUNNING"},
            "ResultSelector": {"arns.$": "$.Executions[*].ExecutionArn"},
            "ResultPath": "$.running",
            "Catch": catch,
            "Next": "Any listed?",
        },
        "Any listed?": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.running.arns[0]", "IsPresent": True, "Next": "Oldest"}],
            "Default": "Pointer there?",
        },
        "Oldest": {
            "Type": "Pass",
            "Parameters": {
                "arn.$": "States.ArrayGetItem($.running.arns, States.MathAdd(States.ArrayLength($.running.arns), -1))",
                "own.$": "$$.Execution.Id",
            },
            "ResultPath": "$.oldest",
            "Next": "Is it this one?",
        },
        "Is it this one?": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.oldest.arn", "StringEqualsPath": "$.oldest.own", "Next": "Pointer there?"}],
            "Default": "Another training runs",
        },
        "Another training runs": {"Type": "Succeed"},
        "Pointer there?": {
            "Type": "Task",
            "Resource": f"{sdk}:s3:listObjectsV2",
            "Parameters": {"Bucket": bucket, "Prefix": POINTER, "MaxKeys": 1},
            "ResultSelector": {"count.$": "$.KeyCount"},
            "ResultPath": "$.pointer",
            "Catch": catch,
            "Next": "Is a release live?",
        },
        "Is a release live?": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.pointer.count", "NumericGreaterThan": 0, "Next": "Pointer"}],
            "Default": then,
        },
        "Pointer": {
            "Type": "Task",
            "Resource": f"{sdk}:s3:getObject",
            "Parameters": {"Bucket": bucket, "Key": POINTER},
            "ResultSelector": {"live.$": "States.StringToJson($.Body)"},
            "ResultPath": "$.pointer",
            "Catch": catch,
            "Next": "Live release",
        },
        "Live release": {
            "Type": "Pass",
            "InputPath": "$.pointer.live.release",
            "ResultPath": "$.release",
            "Next": then,
        },
    }
