"""Run a service through store faults, kills, races, many releases and long traffic, and count what happens."""

import sys

from reliability import command
from reliability.soak import overload, races, releases, traffic
from reliability.soak.changes import catalogue_releases, writers
from reliability.soak.faults import check as faults
from reliability.soak.kills import check as kills

# In the order in which they run.
CHECKS: dict[str, command.Check] = {
    "faults": faults.run,
    "kills": kills.run,
    "races": races.run,
    "releases": releases.run,
    "traffic": traffic.run,
    "overload": overload.run,
    "writers": writers.run,
    "changes": catalogue_releases.run,
}

if __name__ == "__main__":
    sys.exit(command.run("scripts/soak", str(__doc__), CHECKS))
