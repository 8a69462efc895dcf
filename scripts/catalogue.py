"""Change the catalogue of a store without training."""

import os
import sys

from operate.catalogue.command import main

if __name__ == "__main__":
    sys.exit(main(environ=os.environ))
