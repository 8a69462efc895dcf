"""Train on a GPU in the cloud: upload the code, start the training flow of the stack, follow it until its drop."""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, NoCredentialsError, NoRegionError

from client.command import CommandParser
from lambda_app.settings import aws_region
from training.cloud import remote
from training.cloud.code_channel import pack
from training.cloud.hyperparameters import parse_hyperparameters
from training.errors import TrainingError

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = """\
examples:
  scripts/train-remote --dataset shop --hyperparameter epochs=30 --hyperparameter backbone=resnet50
  scripts/train-remote --follow NAME                   # the name that the first command has printed
  scripts/train-remote --dataset shop --save-schedule  # for the next scheduled training

Ctrl-C ends the following, not the job. Exit codes: 0 when the job has dropped its release, or the order is saved; 1 for
an error or a failed job; 2 for wrong arguments; 130 after Ctrl-C.
"""


def command_line() -> CommandParser:
    """The parser of the command line."""
    parser = CommandParser(prog="scripts/train-remote", description=__doc__, epilog=EXAMPLES)
    parser.add_argument("--stack", default="Lookalike", help="name of the deployed stack; default: %(default)s")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "--dataset", help="train on s3://<the stack's bucket>/datasets/DATASET/; required, unless --follow is given"
    )
    what.add_argument(
        "--follow", metavar="NAME", help="follow a job that is already running; required, unless --dataset is given"
    )
    parser.add_argument(
        "--hyperparameter",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="a setting of training.train (docs/training.md), such as epochs=30; may be repeated; default: none",
    )
    parser.add_argument(
        "--weights",
        help="weights to start from: a file, or s3://<the stack's bucket>/weights/...; default: those of the library",
    )
    parser.add_argument(
        "--save-schedule",
        action="store_true",
        help="start nothing; upload the code, and save it with these settings for the schedule (context retrain)",
    )
    return parser


def main() -> int:
    """Exit code 0 if the job dropped its release or the order is saved, 1 on an error or a failed job, 130: Ctrl-C."""
    parser = command_line()
    args = parser.parse_args()
    if args.save_schedule and args.follow:
        parser.error("--save-schedule needs --dataset")
    try:
        return run(args)
    except (NoRegionError, NoCredentialsError) as exc:
        way = "AWS_REGION" if isinstance(exc, NoRegionError) else "AWS_PROFILE, or run aws sso login"
        print(f"scripts/train-remote: {str(exc).rstrip('.')}; set {way}", file=sys.stderr)
        return 1
    except (TrainingError, BotoCoreError) as exc:
        print(f"scripts/train-remote: {exc}", file=sys.stderr)
        return 1


def run(args: argparse.Namespace) -> int:
    """Start or find the job, then follow it."""
    hyperparameters = parse_hyperparameters(args.hyperparameter)  # before AWS is asked for anything
    if args.weights and "weights" in hyperparameters:
        raise remote.RemoteError("--weights and the hyperparameter weights: give one of them")
    session = boto3.Session(region_name=aws_region())
    deployment = remote.find_deployment(session.client("cloudformation"), args.stack)
    states = session.client("stepfunctions")
    if args.follow:
        execution = remote.execution_of(deployment, args.follow)
    else:
        inputs = upload(session.client("s3"), deployment, args, hyperparameters)
        if args.save_schedule:
            key = remote.save_order(session.client("s3"), deployment, **inputs)
            print(f"saved s3://{deployment.bucket}/{key}: the next scheduled training takes it")
            return 0
        execution = remote.start(states, deployment, **inputs)
        print(f"started {execution.name}", flush=True)
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


def upload(
    s3: Any, deployment: remote.Deployment, args: argparse.Namespace, hyperparameters: Mapping[str, str]
) -> dict[str, Any]:
    """Upload the inputs of a job. Returns what `remote.start` and `remote.save_order` take."""
    remote.check_dataset(s3, deployment, args.dataset)
    return {
        "dataset": args.dataset,
        "weights": remote.weights_key(s3, deployment, args.weights) if args.weights else None,
        "code": remote.upload_code(s3, deployment, pack(ROOT)),
        "hyperparameters": hyperparameters,
    }


if __name__ == "__main__":
    sys.exit(main())
