"""Compare the versions that this project pins with those that the registries have."""

import os
import sys
from pathlib import Path

from pins.command import main

if __name__ == "__main__":
    sys.exit(main(Path(__file__).resolve().parents[1], os.environ))
