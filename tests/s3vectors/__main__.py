"""Runs the server in a process of its own, until its input ends: `python -m tests.s3vectors` prints the address."""

import sys
from contextlib import closing

from tests.s3vectors.server import S3VectorsServer

if __name__ == "__main__":
    with closing(S3VectorsServer()) as server:
        print(server.url, flush=True)
        sys.stdin.read()
