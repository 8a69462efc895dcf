"""Run the suite of all engines of the search on Amazon S3 Vectors."""

import sys

from reliability.conformance.command import main

if __name__ == "__main__":
    sys.exit(main())
