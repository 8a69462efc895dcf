"""Run a service through store faults, kills, races, many releases and long traffic, and count what happens."""

import sys

from reliability import command

# In the order in which they run.
CHECKS: dict[str, command.Check] = {}

if __name__ == "__main__":
    sys.exit(command.run("scripts/soak", str(__doc__), CHECKS))
