"""Train on a GPU in the cloud: upload the code, start the training flow of the stack, follow it until its drop."""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

import boto3
from botocore.exceptions import BotoCoreError

from training.cloud import remote
from training.cloud.code_channel import pack
from training.cloud.hyperparameters import parse_hyperparameters
from training.errors import TrainingError

ROOT = Path(__file__).resolve().parents[1]


def main() -> int:
    """Exit code 0 if the job has dropped its release, 1 on an error or a failed job, 130 after Ctrl-C."""
    parser = argparse.ArgumentParser(prog="scripts/train-remote", description=__doc__)
    parser.add_argument("--stack", default="Lookalike", help="name of the deployed stack (default %(default)s)")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--dataset", help="train on s3://<the stack's bucket>/datasets/DATASET/")
    what.add_argument("--follow", metavar="NAME", help="follow a job that is already running")
    parser.add_argument(
        "--hyperparameter",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="a setting of training.train (docs/training.md), such as epochs=30; can be repeated",
    )
    parser.add_argument("--weights", help="weights to start from: a file, or s3://<the stack's bucket>/weights/...")
    args = parser.parse_args()
    try:
        return run(args)
    except (TrainingError, BotoCoreError) as exc:
        print(f"scripts/train-remote: {exc}", file=sys.stderr)
        return 1


def run(args: argparse.Namespace) -> int:
    """Start or find the job, then follow it."""
    hyperparameters = parse_hyperparameters(args.hyperparameter)  # before AWS is asked for anything
    if args.weights and "weights" in hyperparameters:
        raise remote.RemoteError("--weights and the hyperparameter weights: give one of them")
    session = boto3.Session()
    deployment = remote.find_deployment(session.client("cloudformation"), args.stack)
    states = session.client("stepfunctions")
    if args.follow:
        execution = remote.execution_of(deployment, args.follow)
    else:
        execution = start(session, deployment, args, hyperparameters)
    try:
        drop = remote.follow(
            states, session.client("sagemaker"), session.client("logs"), execution, lambda line: print(line, flush=True)
        )
    except KeyboardInterrupt:
        print(
            f"\n{execution.name} is still running. To follow it again:\n"
            f"  scripts/train-remote --stack {args.stack} --follow {execution.name}\nTo stop it:\n"
            f"  aws stepfunctions stop-execution --execution-arn {execution.arn}",
            file=sys.stderr,
        )
        return 130
    print(
        f"dropped: {drop}\nthe promoter promotes it now; check: scripts/releases --store s3://{deployment.bucket} list"
    )
    return 0


def start(
    session: boto3.Session, deployment: remote.Deployment, args: argparse.Namespace, hyperparameters: Mapping[str, str]
) -> remote.Execution:
    """Upload the inputs of the job and start it."""
    s3 = session.client("s3")
    remote.check_dataset(s3, deployment, args.dataset)
    weights = remote.weights_key(s3, deployment, args.weights) if args.weights else None
    code = remote.upload_code(s3, deployment, pack(ROOT))
    execution = remote.start(
        session.client("stepfunctions"),
        deployment,
        dataset=args.dataset,
        code=code,
        hyperparameters=hyperparameters,
        weights=weights,
    )
    print(f"started {execution.name}", flush=True)
    return execution


if __name__ == "__main__":
    sys.exit(main())
