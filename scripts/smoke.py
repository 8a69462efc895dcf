"""Check a running API: health, readiness, and every route with a drawn photo. Prints a line for each, with its time."""

import argparse
import json
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase

from client.auth import TOKEN_VARIABLE, AuthError, add_options, chosen_auth
from client.command import CommandParser
from operate.smoke.messages import CheckFailedError
from operate.smoke.running import run_checks
from operate.smoke.sending import sender, table, who_may_call

URL_OUTPUT, RECORD_OUTPUT = "ApiUrl", "DomainTarget"
EXAMPLES = """\
examples:
  scripts/smoke --url http://127.0.0.1:8000                       # the API of scripts/serve
  scripts/smoke --url https://search.shop.example --token @token.txt
  scripts/smoke --outputs cdk.out/outputs.json --allow-empty      # what scripts/deploy runs

Exit codes: 0 if every check passed; 1 if one failed; 2 for wrong arguments, or credentials that cannot be used.
"""


def command_line() -> CommandParser:
    """The parser of the command line."""
    parser = CommandParser(prog="scripts/smoke", description=__doc__, epilog=EXAMPLES)
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--url", help="URL of the API; required, unless --outputs is given")
    where.add_argument(
        "--outputs",
        type=Path,
        metavar="FILE",
        help="required, unless --url is given: take the URL from the outputs of a deployment, and the way of calling "
        "from the API itself: with auth=iam "
        f"the signed-in AWS credentials, with auth=cognito and auth=jwt ${TOKEN_VARIABLE}, else only the open routes",
    )
    parser.add_argument("--allow-empty", action="store_true", help="let an API without a release pass")
    parser.add_argument("--only-open", action="store_true", help="ask only the routes that need no credentials")
    add_options(parser)
    return parser


def main() -> int:
    """Exit code 0 if every check passed, 1 if one failed, 2 for bad arguments."""
    args = command_line().parse_args()
    try:
        # A list, so that every API is checked, whatever the first one says.
        results = [_check(args, url) for url in _urls(args)]
    except (AuthError, LookupError, OSError, ValueError) as exc:
        print(f"scripts/smoke: {exc}", file=sys.stderr)
        return 2
    return int(not all(results))


def _urls(args: argparse.Namespace) -> Iterator[str]:
    """The addresses to check. One whose DNS record people still have to make is only named.

    Raises:
        LookupError: the address has no scheme.
    """
    if args.outputs is None:
        if not args.url.startswith(("https://", "http://")):
            raise LookupError(f"--url is {args.url!r}; it takes an address such as https://search.shop.example")
        yield args.url
        return
    if not args.outputs.is_file():
        raise LookupError(f"{args.outputs} does not exist; run scripts/deploy, or give --url")
    stacks = json.loads(args.outputs.read_text(encoding="utf-8"))
    found = [outputs for outputs in stacks.values() if URL_OUTPUT in outputs]
    if not found:  # as after the stack of a pipeline
        print(f"{args.outputs} has no output {URL_OUTPUT}: there is no API to check")
    for outputs in found:
        url = outputs[URL_OUTPUT]
        if RECORD_OUTPUT in outputs and not _resolves(url):
            record = f"it needs a DNS record (output {RECORD_OUTPUT})"
            print(f"{url} is not checked; {record}; then run scripts/smoke --url {url}")
        else:
            yield url


def _resolves(url: str) -> bool:
    try:
        return bool(socket.getaddrinfo(urlsplit(url).hostname, None))
    except socket.gaierror:
        return False


def _check(args: argparse.Namespace, url: str) -> bool:
    """Check one API and print the table; whether all checks passed."""
    args.url = url
    with requests.Session() as session:
        session.auth, why = _auth(args, session)
        send = sender(url, session)
        outcomes = list(run_checks(send, allow_empty=args.allow_empty, only_open=args.only_open or bool(why)))
    failed = sum(not one.passed for one in outcomes)
    print(url, *table(outcomes), *filter(None, [why]), f"{len(outcomes)} checks, {failed} failed", sep="\n")
    return not failed


def _auth(args: argparse.Namespace, session: requests.Session) -> tuple[AuthBase | None, str]:
    """Who calls, and why only the open routes are asked; an empty text if all are.

    Raises:
        AuthError: the token or the credentials of the options cannot be used.
    """
    chosen = chosen_auth(args, os.environ)
    if chosen is not None or args.outputs is None or args.only_open:
        return chosen, ""
    try:
        auth = who_may_call(sender(args.url, session))
    except CheckFailedError:
        return None, ""  # the checks say what is wrong
    if auth == "iam":
        try:
            return chosen_auth(argparse.Namespace(**{**vars(args), "sigv4": True}), os.environ), ""
        except AuthError as exc:
            return None, f"auth=iam: only the open routes were checked: {exc}"
    if auth in ("jwt", "cognito"):
        return None, f"auth={auth}: only the open routes were checked; set {TOKEN_VARIABLE} to a token to check all"
    return None, ""


if __name__ == "__main__":
    sys.exit(main())
