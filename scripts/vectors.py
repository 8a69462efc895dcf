"""Fill indexes of Amazon S3 Vectors, and move a store there and back."""

import os
import sys

from operate.vectors.command import main

if __name__ == "__main__":
    sys.exit(main(environ=os.environ))
