"""Download the photos that a feed names by URL, into a data folder for training."""

import sys

from fetch.command import main

if __name__ == "__main__":
    sys.exit(main())
