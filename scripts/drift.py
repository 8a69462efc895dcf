"""Say whether the photos that people send have changed, so that the network should be trained again."""

import sys

from operate.drift.command import main

if __name__ == "__main__":
    sys.exit(main())
