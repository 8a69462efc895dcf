"""Which commands of the documents cannot be run by a test, and what stands for the names in the others."""

import re

# The first part of a command that matches, and why it is not run. Every other command is run and must succeed.
_ACCOUNT = "needs an AWS account"
_INSTALLS = "downloads packages"
_LEARNS = "learns for minutes; docs/walk.md trains a small network"
NOT_RUN = (
    (r"aws |eval \"\$\(aws |for index in \$\(aws |\w+=\$\(aws ", _ACCOUNT),
    (r"node_modules/\.bin/cdk |scripts/deploy|scripts/train-remote ", _ACCOUNT),
    (r".*s3://|.*API_URL|export AWS_|AWS_PROFILE=", _ACCOUNT),
    (r"\.venv/bin/python -c 'import boto3", _ACCOUNT),
    (r"scripts/(vectors|conformance)|export LOOKALIKE_VECTOR_BUCKET", "needs Amazon S3 Vectors"),
    (r"scripts/synth", "needs Node and half a minute; tests/cdk synthesises the stack"),
    (r"ls cdk\.out", "shows what scripts/synth has made"),
    (r"buildah |container=\$\(buildah ", "builds an image"),
    (r"git |gh ", "needs the internet"),
    (r"scripts/(outdated|fetch) ?", "needs the internet; tests/pins and tests/fetch have stand-ins"),
    (r"npm |npx |openapi-python-client ", _INSTALLS),
    (r"scripts/setup|python3 -m venv", f"{_INSTALLS}; tests/test_setup.py"),
    (r"pre-commit ", "is no package of this project"),
    (r"scripts/(test|lint)", "runs these tests"),
    (r"scripts/(bench|fuzz|soak)|\.venv/bin/python -m benchmarks", "measures for minutes"),
    (r"curl -F file=@var/fuzz|scripts/publish var/fuzz", "sends what scripts/fuzz has found"),
    (r"curl .*/uploads\"", "needs a bucket; tests/lambda_app/api asks with one"),
    (r"curl .*/release/report\"", "needs the report of a training run; tests/lambda_app/api asks with one"),
    (r"scripts/drift ", "needs the log of a week; tests/operate/drift"),
    (r"scripts/releases .* restore ", "needs a bucket with old versions; tests/operate/test_restore.py"),
    (r"scripts/demo|(time )?\.venv/bin/python -m training|\.venv/bin/torchrun ", _LEARNS),
    (r"scripts/train (?!.*--epochs 6 |--help)", _LEARNS),
    (r"scripts/sample (?!var/shop )", "draws thousands of photos; docs/walk.md draws a few"),
    (r"scripts/publish var/work/reused/", f"publishes what is not made here: it {_LEARNS}"),
)
# The same for Python and JavaScript: the page, a text in the block, and why.
CODE_NOT_RUN = (
    ("frontend.md", "", "tests/client/test_frontend.py runs it"),
    ("aws.md", "/uploads", "needs a bucket"),
    ("api.md", "aws_signature", "tests/docs/test_api_page.py runs it"),
)
# What stands in the documents, and what the test has instead: for names to fill in, for what would take minutes, and
# for listings that the small release has.
VALUES = (
    (r"\b(DIR|DATA)\b", "shop"),
    (r"\bPHOTO\b", "photo.jpg"),
    (r"\bOUT\b", "var/out"),
    (r"https://(abc123\.execute-api\.eu-west-1\.amazonaws\.com|search\.shop\.example)", "http://127.0.0.1:8000"),
    (r"scripts/ask (\S+)(?!.* --url )", r"scripts/ask \1 --url http://127.0.0.1:8000"),
    (r"--photos 600\b", "--photos 60"),
    (r"--size 48 --epochs 6\b", "--size 32 --epochs 1"),
    (r"\b1004-1\b", "004a"),
    (r"\b100([1-3])\b(?!-)", r"product-00\1"),
)


def reason(command: str) -> str | None:
    """Why a command is not run; None if it is."""
    return next((why for pattern, why in NOT_RUN if re.match(pattern, command)), None)


def is_run(page: str, code: str) -> bool:
    """Whether a block of Python or JavaScript is run."""
    return not any(page == name and part in code for name, part, _ in CODE_NOT_RUN)


def filled_in(text: str, port: int, release: str) -> str:
    """The text with values for its names, for a server on a port of this machine and the id of a stored release."""
    for pattern, value in VALUES:
        text = re.sub(pattern, value, text)
    text = re.sub(r"\b20\d{6}-\d{6}-[0-9a-f]{8}\b|(?<=promote )ID\b", release, text)
    return re.sub(r"(127\.0\.0\.1|localhost):8\d{3}", rf"\1:{port}", text)
