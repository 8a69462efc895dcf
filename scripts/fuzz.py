"""Send hostile photos, requests and drops to a running service, and count what happens."""

import sys

from reliability import command
from reliability.fuzz.drops import check as drops
from reliability.fuzz.photos import check as photos
from reliability.fuzz.requests import check as requests

# In the order in which they run.
CHECKS: dict[str, command.Check] = {
    "photos": photos.run,
    "requests": requests.run,
    "drops": drops.run,
}

if __name__ == "__main__":
    sys.exit(command.run("scripts/fuzz", str(__doc__), CHECKS))
