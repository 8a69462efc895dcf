"""The actions that each role must be allowed, and those that it must not."""

from collections.abc import Callable

import pytest

from cdk.context.regions import CONTAINER_ACCOUNTS
from tests.cdk.policy import allowed
from tests.cdk.template import SynthesisedTemplate

API = "lambda_app.handler.handler"
PROMOTER = "lambda_app.promoter.handler"

ROLES: dict[str, Callable[[SynthesisedTemplate], str]] = {
    "serving": lambda template: template.function(API)["Role"],
    "promoter": lambda template: template.function(PROMOTER)["Role"],
    "job": lambda template: template.flow["States"]["Train"]["Parameters"]["RoleArn"],
    "flow": lambda template: template.one("AWS::StepFunctions::StateMachine")["RoleArn"],
    "operator": lambda template: template.output("OperatorRoleArn"),
}
KEYS = (
    "live.json",
    "blocked.json",
    "changes/000000000001.jsonl",
    "objects/ab12",
    "releases/r-1/manifest.json",
    "rejected/a.tar.json",
    "drops/a.tar",
    "datasets/shop/photos/1.jpg",
    "uploads/6f1c",
    "weights/w.safetensors",
    "training/code/ab/sourcedir.tar.gz",
    "training/schedule/shop.json",
    "training/checkpoints/run/last.pt",
    "elsewhere",
)
READS = {
    "serving": {"live.json", "blocked.json", "objects", "releases", "datasets", "uploads"},
    "promoter": {"live.json", "blocked.json", "changes", "objects", "releases", "drops", "datasets"},
    "job": {"datasets", "weights", "training", "releases/r-1/manifest.json"},
    "flow": {"live.json", "training/schedule"},
    "operator": {key.split("/")[0] for key in KEYS},
}
WRITES = {
    "serving": {"uploads"},
    "promoter": {"live.json", "changes", "objects", "releases", "rejected"},
    "job": {"drops", "training/checkpoints"},
    "flow": set(),
    "operator": {
        *("live.json", "blocked.json", "objects", "releases", "rejected", "drops", "datasets", "weights", "changes"),
        *("training/code", "training/schedule"),
    },
}
DELETES = {role: {"objects", "releases", "rejected"} if role == "operator" else set() for role in ROLES}


def may(template: SynthesisedTemplate, role: str, action: str, resource: str, **context: str) -> bool:
    statements = [*template.statements(ROLES[role](template)), *template.bucket_statements()]
    return allowed(statements, action, resource, {key.replace("__", ":"): value for key, value in context.items()})


def on_key(template: SynthesisedTemplate, key: str) -> str:
    return f"arn:aws:s3:::{template.bucket}/{key}"


def within(key: str, prefixes: set[str]) -> bool:
    return any(key == prefix or key.startswith(f"{prefix}/") for prefix in prefixes)


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("role", ROLES)
def test_a_role_may_read_write_and_delete_only_what_the_design_grants(
    plain: SynthesisedTemplate, role: str, key: str
) -> None:
    resource = on_key(plain, key)
    assert may(plain, role, "s3:GetObject", resource) is within(key, READS[role])
    assert may(plain, role, "s3:PutObject", resource) is within(key, WRITES[role])
    assert may(plain, role, "s3:AbortMultipartUpload", resource) is within(key, WRITES[role])
    assert may(plain, role, "s3:DeleteObject", resource) is within(key, DELETES[role])


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(
    "action",
    [
        "s3:DeleteObjectVersion",
        "s3:PutObjectAcl",
        "s3:PutBucketPolicy",
        "s3:PutBucketVersioning",
        "s3:PutLifecycleConfiguration",
        "s3:DeleteBucket",
        "iam:PassRole",
        "sts:AssumeRole",
    ],
)
def test_no_role_may_change_versions_or_policies_or_assume_other_roles(
    plain: SynthesisedTemplate, role: str, action: str
) -> None:
    for resource in (on_key(plain, "objects/ab12"), f"arn:aws:s3:::{plain.bucket}", plain.output("OperatorRoleArn")):
        assert not may(plain, role, action, resource)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("action", ["s3:GetObject", "s3:PutObject", "s3:ListBucket"])
def test_no_role_may_access_another_bucket(plain: SynthesisedTemplate, role: str, action: str) -> None:
    assert not may(plain, role, action, "arn:aws:s3:::another/live.json")
    assert not may(plain, role, action, "arn:aws:s3:::another")


@pytest.mark.parametrize("role", ROLES)
def test_a_missing_key_gives_404_and_other_prefixes_cannot_be_listed(plain: SynthesisedTemplate, role: str) -> None:
    bucket = f"arn:aws:s3:::{plain.bucket}"
    # S3 answers 404 for a missing key only if the caller may list the bucket; otherwise it answers 403.
    assert may(plain, role, "s3:ListBucket", bucket)
    for key in KEYS:
        assert may(plain, role, "s3:ListBucket", bucket, s3__prefix=key) is within(key, READS[role])


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("role", ROLES)
def test_only_operators_read_old_versions_and_only_of_what_can_be_restored(
    plain: SynthesisedTemplate, role: str, key: str
) -> None:
    restored = role == "operator" and within(key, {"live.json", "objects", "releases", "datasets", "changes"})
    assert may(plain, role, "s3:GetObjectVersion", on_key(plain, key)) is restored
    listed = may(plain, role, "s3:ListBucketVersions", f"arn:aws:s3:::{plain.bucket}", s3__prefix=key)
    assert listed is restored
    assert not may(plain, role, "s3:ListBucketVersions", f"arn:aws:s3:::{plain.bucket}")


@pytest.mark.parametrize("role", ROLES)
def test_requests_without_tls_are_denied(plain: SynthesisedTemplate, role: str) -> None:
    key = "datasets/a" if role == "job" else "live.json"
    resource = on_key(plain, key)
    assert may(plain, role, "s3:GetObject", resource)
    assert not may(plain, role, "s3:GetObject", resource, aws__SecureTransport="false")
    assert not may(plain, role, "s3:GetObject", resource, s3__TlsVersion="1.1")


def test_presigned_requests_have_the_permissions_of_their_signer(plain: SynthesisedTemplate) -> None:
    assert may(plain, "serving", "s3:PutObject", on_key(plain, "uploads/6f1c"))
    assert may(plain, "serving", "s3:GetObject", on_key(plain, "datasets/shop/photos/1.jpg"))
    assert not may(plain, "serving", "s3:PutObject", on_key(plain, "datasets/shop/photos/1.jpg"))
    assert not may(plain, "serving", "s3:PutObject", on_key(plain, "drops/forged.tar"))


def test_the_api_may_write_changes_and_new_photos_only_if_the_deployer_says_so(
    plain: SynthesisedTemplate, changing: SynthesisedTemplate
) -> None:
    written = {"changes/000000000001.jsonl", "datasets/received/0a1b.jpeg"}
    others = {
        "live.json",
        "blocked.json",
        "datasets/shop/1.jpg",
        "drops/a.tar",
        "objects/0a",
        "releases/r/manifest.json",
    }
    for key in written | others:
        assert may(changing, "serving", "s3:PutObject", on_key(changing, key)) is (key in written), key
        assert not may(changing, "serving", "s3:DeleteObject", on_key(changing, key)), key
        assert not may(plain, "serving", "s3:PutObject", on_key(plain, key)), key
    assert may(changing, "serving", "s3:GetObject", on_key(changing, "changes/000000000001.jsonl"))
    assert not may(plain, "serving", "s3:GetObject", on_key(plain, "changes/000000000001.jsonl"))
    for template, right in ((plain, False), (changing, True)):
        for method in ("PUT", "DELETE"):
            (api,) = template.of_type("AWS::ApiGatewayV2::Api")
            call = f"arn:aws:execute-api:us-east-1:123456789012:{api}/$default/{method}/items/1"
            assert may(template, "operator", "execute-api:Invoke", call) is right


@pytest.mark.parametrize(("role", "command"), [("serving", API), ("promoter", PROMOTER)])
def test_a_function_may_write_only_its_own_log_and_traces(plain: SynthesisedTemplate, role: str, command: str) -> None:
    group = plain.function(command)["LoggingConfig"]["LogGroup"]
    others = set(plain.of_type("AWS::Logs::LogGroup")) - {group}
    assert may(plain, role, "logs:PutLogEvents", plain.arn(group))
    assert not any(may(plain, role, "logs:PutLogEvents", plain.arn(other)) for other in others)
    assert may(plain, role, "xray:PutTraceSegments", "*")


def test_only_the_promoter_may_write_dead_letters(plain: SynthesisedTemplate) -> None:
    (queue,) = plain.of_type("AWS::SQS::Queue")
    assert may(plain, "promoter", "sqs:SendMessage", plain.arn(queue))
    assert not may(plain, "serving", "sqs:SendMessage", plain.arn(queue))


def test_the_job_may_pull_its_container_and_write_its_log(plain: SynthesisedTemplate) -> None:
    repository = f"arn:aws:ecr:us-east-1:{CONTAINER_ACCOUNTS['us-east-1']}:repository/"
    assert may(plain, "job", "ecr:BatchGetImage", f"{repository}pytorch-training")
    assert may(plain, "job", "ecr:GetDownloadUrlForLayer", f"{repository}pytorch-training")
    assert not may(plain, "job", "ecr:BatchGetImage", f"{repository}another")
    assert may(plain, "job", "ecr:GetAuthorizationToken", "*")
    group = "arn:aws:logs:us-east-1:123456789012:log-group:"
    assert may(plain, "job", "logs:PutLogEvents", f"{group}/aws/sagemaker/TrainingJobs:log-stream:run/algo-1")
    assert not may(plain, "job", "logs:PutLogEvents", f"{group}/aws/lambda/other:log-stream:x")
    assert may(plain, "job", "cloudwatch:PutMetricData", "*", cloudwatch__namespace="/aws/sagemaker/TrainingJobs")
    assert not may(plain, "job", "cloudwatch:PutMetricData", "*", cloudwatch__namespace="Lookalike")


def test_the_operator_may_train_follow_and_call_but_not_change_resources(plain: SynthesisedTemplate) -> None:
    machine = plain.output("TrainingMachineArn")
    name = machine.rsplit(":", 1)[1]
    execution = f"arn:aws:states:us-east-1:123456789012:execution:{name}.Name:run"
    assert may(plain, "operator", "states:StartExecution", machine)
    for action in ("states:DescribeExecution", "states:StopExecution", "states:GetExecutionHistory"):
        assert may(plain, "operator", action, execution)
    job = "arn:aws:sagemaker:us-east-1:123456789012:training-job/run"
    assert may(plain, "operator", "sagemaker:DescribeTrainingJob", job)
    assert not may(plain, "operator", "sagemaker:CreateTrainingJob", job)
    log = "arn:aws:logs:us-east-1:123456789012:log-group:/aws/sagemaker/TrainingJobs:"
    assert may(plain, "operator", "logs:FilterLogEvents", log)
    (api,) = plain.of_type("AWS::ApiGatewayV2::Api")
    call = f"arn:aws:execute-api:us-east-1:123456789012:{api}/$default/POST/predict"
    assert may(plain, "operator", "execute-api:Invoke", call)
    (queue,) = plain.of_type("AWS::SQS::Queue")
    for action in ("sqs:ReceiveMessage", "sqs:DeleteMessage"):
        assert may(plain, "operator", action, plain.arn(queue))
    assert not may(plain, "operator", "sqs:SendMessage", plain.arn(queue))
    callable_ = [
        arn
        for name in plain.of_type("AWS::Lambda::Function")
        for arn in (plain.arn(name), f"{plain.arn(name)}:live")
        if may(plain, "operator", "lambda:InvokeFunction", arn)
    ]
    assert callable_ == []
    assert may(plain, "operator", "lambda:InvokeFunction", plain.alias(PROMOTER))
    assert not may(plain, "operator", "lambda:InvokeFunction", plain.alias(API))
    assert may(plain, "operator", "cloudformation:DescribeStacks", plain.render({"Ref": "AWS::StackId"}))
    for action in ("lambda:UpdateFunctionCode", "states:UpdateStateMachine", "iam:PutRolePolicy", "kms:Decrypt"):
        assert not may(plain, "operator", action, "*")


def test_operators_need_mfa_unless_a_principal_is_configured(
    plain: SynthesisedTemplate, chosen: SynthesisedTemplate
) -> None:
    def trust(template: SynthesisedTemplate) -> list[dict]:
        roles = {template.arn(name): role for name, role in template.of_type("AWS::IAM::Role").items()}
        return roles[template.output("OperatorRoleArn")]["AssumeRolePolicyDocument"]["Statement"]

    (default,) = trust(plain)
    assert default["Principal"] == {"AWS": "arn:aws:iam::123456789012:root"}
    assert default["Condition"] == {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
    (named,) = trust(chosen)
    assert named["Principal"] == {"AWS": "arn:aws:iam::123456789012:role/ci"}
    assert "Condition" not in named


def test_the_flow_may_run_and_stop_jobs_and_pass_one_role_only_to_sagemaker(plain: SynthesisedTemplate) -> None:
    statements = list(plain.statements(plain.one("AWS::StepFunctions::StateMachine")["RoleArn"]))
    job = "arn:aws:sagemaker:us-east-1:123456789012:training-job/run"
    for action in ("CreateTrainingJob", "DescribeTrainingJob", "StopTrainingJob", "AddTags"):
        assert allowed(statements, f"sagemaker:{action}", job)
    rule = "arn:aws:events:us-east-1:123456789012:rule/StepFunctionsGetEventsForSageMakerTrainingJobsRule"
    for action in ("PutTargets", "PutRule", "DescribeRule"):
        assert allowed(statements, f"events:{action}", rule)
        assert not allowed(statements, f"events:{action}", "arn:aws:events:us-east-1:123456789012:rule/another")
    role = ROLES["job"](plain)
    to_sagemaker, to_lambda = ({"iam:PassedToService": f"{name}.amazonaws.com"} for name in ("sagemaker", "lambda"))
    assert allowed(statements, "iam:PassRole", role, to_sagemaker)
    assert not allowed(statements, "iam:PassRole", role, to_lambda)
    assert not allowed(statements, "iam:PassRole", ROLES["operator"](plain), to_sagemaker)
    assert allowed(statements, "sns:Publish", plain.output("NoticesTopicArn"))
    (key,) = plain.of_type("AWS::KMS::Key")
    assert allowed(statements, "kms:GenerateDataKey", plain.arn(key))
    machine = plain.arn(next(iter(plain.of_type("AWS::StepFunctions::StateMachine"))))
    assert allowed(statements, "states:ListExecutions", machine)
    assert not allowed(statements, "states:StartExecution", machine)


def test_the_job_may_read_of_a_release_only_its_manifest(plain: SynthesisedTemplate) -> None:
    assert may(plain, "job", "s3:GetObject", on_key(plain, "releases/r-1/manifest.json"))
    assert not may(plain, "job", "s3:GetObject", on_key(plain, "releases/r-1/report/metrics.json"))


def test_the_schedule_may_start_one_state_machine(operated: SynthesisedTemplate) -> None:
    target = operated.one("AWS::Scheduler::Schedule")["Target"]
    statements = list(operated.statements(target["RoleArn"]))
    machine = operated.output("TrainingMachineArn")
    assert allowed(statements, "states:StartExecution", machine)
    assert not allowed(statements, "states:StartExecution", f"{machine}2")
    assert not allowed(statements, "states:StopExecution", machine)
    assert not allowed(statements, "s3:GetObject", on_key(operated, "live.json"))
    (role,) = (
        one for name, one in operated.of_type("AWS::IAM::Role").items() if operated.arn(name) == target["RoleArn"]
    )
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "scheduler.amazonaws.com"}
    (group,) = operated.of_type("AWS::Scheduler::ScheduleGroup")
    assert trust["Condition"]["StringEquals"] == {
        "aws:SourceAccount": "123456789012",
        "aws:SourceArn": operated.arn(group),
    }


def test_what_limits_spending_may_throttle_this_api_and_attach_one_policy_to_one_role(
    operated: SynthesisedTemplate,
) -> None:
    function = operated.of_type("AWS::Lambda::Function")[operated.output("LimiterName")]
    statements = list(operated.statements(function["Role"]))
    (api,) = operated.of_type("AWS::ApiGatewayV2::Api")
    apis = "arn:aws:apigateway:us-east-1::/apis"
    assert allowed(statements, "apigateway:PATCH", f"{apis}/{api}/stages/$default")
    for action, resource in (
        ("apigateway:PATCH", f"{apis}/{api}"),
        ("apigateway:PATCH", f"{apis}/another/stages/$default"),
        ("apigateway:DELETE", f"{apis}/{api}/stages/$default"),
    ):
        assert not allowed(statements, action, resource)
    (policy,) = operated.of_type("AWS::IAM::ManagedPolicy")
    ours, administrator = ({"iam:PolicyARN": one} for one in (policy, "arn:aws:iam::aws:policy/AdministratorAccess"))
    flow = ROLES["flow"](operated)
    for action in ("iam:AttachRolePolicy", "iam:DetachRolePolicy"):
        assert allowed(statements, action, flow, ours)
        assert not allowed(statements, action, flow, administrator)
        assert not allowed(statements, action, ROLES["operator"](operated), ours)
    assert not allowed(statements, "iam:PutRolePolicy", flow)
    assert may(operated, "operator", "lambda:InvokeFunction", operated.arn(operated.output("LimiterName")))


def test_the_policy_that_stops_training_denies_new_jobs_alone(operated: SynthesisedTemplate) -> None:
    statements = list(operated.statements(ROLES["flow"](operated)))
    stopped = [*statements, *operated.one("AWS::IAM::ManagedPolicy")["PolicyDocument"]["Statement"]]
    job = "arn:aws:sagemaker:us-east-1:123456789012:training-job/run"
    assert allowed(statements, "sagemaker:CreateTrainingJob", job)
    assert not allowed(stopped, "sagemaker:CreateTrainingJob", job)
    assert allowed(stopped, "sagemaker:DescribeTrainingJob", job)
    assert allowed(stopped, "sagemaker:StopTrainingJob", job)


def test_only_declared_services_may_assume_the_roles(plain: SynthesisedTemplate) -> None:
    services = {
        statement["Principal"]["Service"]
        for role in plain.of_type("AWS::IAM::Role").values()
        for statement in role["AssumeRolePolicyDocument"]["Statement"]
        if "Service" in statement["Principal"]
    }
    assert services == {
        "codedeploy.amazonaws.com",
        "lambda.amazonaws.com",
        "sagemaker.amazonaws.com",
        "states.amazonaws.com",
    }


def test_the_only_managed_policy_is_the_one_that_aws_keeps_for_codedeploy(plain: SynthesisedTemplate) -> None:
    attached = [
        (role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]["Service"], policy)
        for role in plain.of_type("AWS::IAM::Role").values()
        for policy in role.get("ManagedPolicyArns", ())
    ]
    arn = "arn:aws:iam::aws:policy/service-role/AWSCodeDeployRoleForLambdaLimited"
    assert attached == [("codedeploy.amazonaws.com", arn)]


def test_the_check_of_a_version_may_call_the_api_function_and_report_and_nothing_else(
    plain: SynthesisedTemplate,
) -> None:
    functions = plain.of_type("AWS::Lambda::Function")
    (check,) = (one for one in functions.values() if "NEW_VERSION" in one["Environment"]["Variables"])
    statements = list(plain.statements(check["Role"]))
    (api,) = (name for name, one in functions.items() if one.get("ImageConfig", {}).get("Command") == [API])
    (promoter,) = (name for name, one in functions.items() if one.get("ImageConfig", {}).get("Command") == [PROMOTER])
    for version in ("7", "live"):
        assert allowed(statements, "lambda:InvokeFunction", f"{plain.arn(api)}:{version}")
    assert not allowed(statements, "lambda:InvokeFunction", f"{plain.arn(promoter)}:live")
    named = {
        action
        for one in statements
        for action in ([one["Action"]] if isinstance(one["Action"], str) else one["Action"])
    }
    assert named == {
        "codedeploy:PutLifecycleEventHookExecutionStatus",
        "lambda:InvokeFunction",
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "xray:PutTelemetryRecords",
        "xray:PutTraceSegments",
    }
