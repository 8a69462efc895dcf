"""Send hostile photos, requests and drops to a running service, and count what happens."""

import sys

from reliability import command

# In the order in which they run.
CHECKS: dict[str, command.Check] = {}

if __name__ == "__main__":
    sys.exit(command.run("scripts/fuzz", str(__doc__), CHECKS))
