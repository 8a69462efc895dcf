"""Serve a store's live release on this machine."""

import argparse
import logging
import os
import sys

import uvicorn

from lambda_app.api.app import create_app
from lambda_app.api.deadlines import protocol
from lambda_app.api.memory import keep_freed_memory
from lambda_app.errors import LookalikeError
from lambda_app.settings import Settings
from lambda_app.store.opening import existing_store

# After SIGTERM, requests in progress have this long to finish. Then their connections are closed.
GRACE_SECONDS = 10


def main() -> int:
    """Run until interrupted."""
    parser = argparse.ArgumentParser(prog="scripts/serve", description=__doc__)
    parser.add_argument("--store", help="folder or s3://bucket[/prefix]; default: LOOKALIKE_STORE")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    args = parser.parse_args()
    if not 0 < args.port <= 65535:
        parser.error(f"--port is {args.port}; it must be 1 to 65535")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    keep_freed_memory()
    environ = dict(os.environ)
    if args.store:
        environ["LOOKALIKE_STORE"] = args.store
    try:
        settings = Settings.from_environ(environ)
        app = create_app(settings, existing_store(settings.store))
    except LookalikeError as exc:
        print(f"scripts/serve: {exc}", file=sys.stderr)
        return 2
    print(f"page and API: http://{args.host}:{args.port}/   docs: http://{args.host}:{args.port}/docs", flush=True)
    uvicorn.run(
        app,
        host=args.host,
        port=args.port,
        http=protocol(settings.header_seconds),
        timeout_graceful_shutdown=GRACE_SECONDS,
        log_level="warning",
        lifespan="off",
        server_header=False,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
