"""The settings of a training job that the tests of the flow and of the job share."""

from cdk.training.flow import JobSettings

JOB_SETTINGS = JobSettings(
    partition="aws",
    region="eu-west-1",
    bucket="store",
    image="763104351884.dkr.ecr.eu-west-1.amazonaws.com/pytorch-training:tag",
    role="arn:aws:iam::123456789012:role/job",
    topic="arn:aws:sns:eu-west-1:123456789012:notices",
    instance="ml.g5.xlarge",
    instances=1,
    volume_gb=100,
    spot=True,
    run_seconds=3600,
    wait_seconds=7200,
)
