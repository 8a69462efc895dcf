"""Serve a store's live release on this machine."""

import logging
import os
import sys
import threading
from contextlib import suppress

import uvicorn

from client.command import CommandParser
from lambda_app.api.app import create_app
from lambda_app.api.deadlines import protocol
from lambda_app.api.memory import keep_freed_memory
from lambda_app.errors import LookalikeError
from lambda_app.recommendation.live import LiveRelease
from lambda_app.settings import Settings, misspelt
from lambda_app.store.opening import existing_store
from lambda_app.telemetry.formats import PlainFormatter, quiet_faiss
from operate.listening import address, bound, port

# After SIGTERM, requests in progress have this long to finish. Then their connections are closed.
GRACE_SECONDS = 10
SOONEST_LOOK_SECONDS = 1.0
EXAMPLES = """\
examples:
  scripts/serve --store var/store                      # what scripts/demo has made
  scripts/serve --store s3://shop-search --port 8080   # a bucket, with the AWS credentials of this machine
  LOOKALIKE_MAX_K=20 scripts/serve --store var/store   # docs/design.md lists all settings

Ctrl-C ends it: requests in progress have 10 s to finish. Exit codes: 0 after that; 1 if the address cannot be used; 2
for wrong arguments, a wrong setting, or a path that is no store.
"""
NO_STORE = "; or give --store, such as var/store after scripts/demo"


def command_line() -> CommandParser:
    """The parser of the command line."""
    parser = CommandParser(prog="scripts/serve", description=__doc__, epilog=EXAMPLES)
    parser.add_argument("--store", help="folder or s3://bucket[/prefix]; default: the variable LOOKALIKE_STORE")
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        help="name or address to listen on; 0.0.0.0: every one of this machine; default: %(default)s, for this machine "
        "only",
    )
    parser.add_argument("--port", type=port, default=8000, help="TCP port, 1 to 65535; default: %(default)s")
    return parser


def watch(live: LiveRelease, seconds: float, ended: threading.Event) -> None:
    """Look for a new release at once, and then every `seconds` seconds (at least 1) until the service ends.

    Requests look too. But the first one after an idle time would be answered by the release from before that time.
    """
    while True:
        live.begin()
        if ended.wait(max(seconds, SOONEST_LOOK_SECONDS)):
            return


def main() -> int:
    """Run until interrupted: exit code 0. 1: the address cannot be used. 2: a setting or the store is wrong."""
    args = command_line().parse_args()
    output = logging.StreamHandler()
    output.setFormatter(PlainFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[output])
    quiet_faiss()
    keep_freed_memory()
    environ = dict(os.environ)
    if args.store:
        environ["LOOKALIKE_STORE"] = args.store
    for warning in misspelt(environ):
        print(f"scripts/serve: {warning}", file=sys.stderr)
    try:
        settings = Settings.from_environ(environ)
        app = create_app(settings, existing_store(settings.store))
    except LookalikeError as exc:
        hint = "" if environ.get("LOOKALIKE_STORE") else NO_STORE
        print(f"scripts/serve: {exc}{hint}", file=sys.stderr)
        return 2
    try:
        sockets = bound(args.host, args.port)
    except LookalikeError as exc:
        print(f"scripts/serve: {exc}", file=sys.stderr)
        return 1
    if settings.catalogue_writes == "open":
        print(f"scripts/serve: everyone who reaches {args.host} may change the catalogue", file=sys.stderr)
    if (applier := app.state.service.applier) is not None:
        applier.wake()  # a service that was ended may have left changes in the log
    url = address(args.host, args.port)
    for one in sockets:
        one.listen()  # from here on, who reads the address can connect: requests wait until uvicorn accepts them
    print(f"page and API: {url}/   docs: {url}/docs", flush=True)
    config = uvicorn.Config(
        app,
        http=protocol(settings.header_seconds),
        timeout_graceful_shutdown=GRACE_SECONDS,
        log_level="warning",
        lifespan="off",
        server_header=False,
    )
    ended = threading.Event()
    watched = (app.state.service.live, settings.reload_seconds, ended)
    threading.Thread(target=watch, args=watched, name="release-watcher", daemon=True).start()
    try:
        with suppress(KeyboardInterrupt):
            uvicorn.Server(config).run(sockets=sockets)
    finally:
        ended.set()
    return 0


if __name__ == "__main__":
    sys.exit(main())
