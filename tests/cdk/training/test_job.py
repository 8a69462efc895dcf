from tests.cdk.template import SynthesisedTemplate


def request(template: SynthesisedTemplate) -> dict:
    return template.flow["States"]["Train"]["Parameters"]


def test_the_state_machine_logs_everything_and_is_traced(plain: SynthesisedTemplate) -> None:
    machine = plain.one("AWS::StepFunctions::StateMachine")
    assert machine["LoggingConfiguration"]["Level"] == "ALL"
    assert machine["TracingConfiguration"] == {"Enabled": True}


def test_the_job_uses_the_bucket_and_the_topic_of_the_stack(plain: SynthesisedTemplate) -> None:
    states = plain.flow["States"]
    assert request(plain)["OutputDataConfig"]["S3OutputPath"] == f"s3://{plain.bucket}/drops/"
    assert f"'s3://{plain.bucket}/datasets/{{}}/'" in str(states["Dataset"])
    assert states["Notify"]["Parameters"]["TopicArn"] == plain.output("NoticesTopicArn")
    assert states["Notify"]["ResultPath"] == "$.notice"


def test_the_container_is_the_aws_image_of_the_region(plain: SynthesisedTemplate) -> None:
    image = request(plain)["AlgorithmSpecification"]["TrainingImage"]
    assert image.startswith("763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:")


def test_the_context_sets_the_size_and_time_limits_of_a_job(
    plain: SynthesisedTemplate, chosen: SynthesisedTemplate
) -> None:
    default = request(plain)
    assert default["ResourceConfig"] == {"InstanceType": "ml.g5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 100}
    assert default["EnableManagedSpotTraining"] is True
    stopping = default["StoppingCondition"]
    assert stopping["MaxWaitTimeInSeconds"] >= stopping["MaxRuntimeInSeconds"] == 8 * 3600
    other = request(chosen)
    assert other["ResourceConfig"] == {"InstanceType": "ml.g6.2xlarge", "InstanceCount": 2, "VolumeSizeInGB": 100}
    assert other["EnableManagedSpotTraining"] is False
    assert other["StoppingCondition"] == {"MaxRuntimeInSeconds": 30 * 3600}
