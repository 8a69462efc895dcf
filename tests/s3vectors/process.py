"""The extended S3 Vectors as a process of its own, for `scripts/bench vectors`.

Prints its address, then a line of JSON with its counters for each line of standard input; ends with standard input.
"""

import json
import resource
import sys
from contextlib import closing

from tests.s3vectors.server import S3VectorsServer


def main() -> None:
    """Serve until standard input ends. Indexes take as many vectors a second as the service documents."""
    with closing(S3VectorsServer()) as server:
        server.backend.vectors_a_second, server.backend.writes_a_second = 2_500, 1_000
        print(json.dumps({"url": server.url}), flush=True)
        for _ in sys.stdin:
            used = resource.getrusage(resource.RUSAGE_SELF)
            counters = {
                "calls": server.counts(),
                "refused": sum(call.status in (429, 503) for call in server.calls),
                "sent": sum(call.sent for call in server.calls),
                "received": sum(call.received for call in server.calls),
                "put": server.backend.vectors_put,
                "cpu": used.ru_utime + used.ru_stime,
                "megabytes": used.ru_maxrss / 1024,
            }
            print(json.dumps(counters), flush=True)


if __name__ == "__main__":
    main()
