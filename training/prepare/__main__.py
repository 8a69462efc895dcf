import training.pipeline.interrupts  # noqa: F401 - first: Ctrl-C during the imports below ends with one line

# isort: split
import sys

from training.pipeline.commands import report_errors
from training.prepare.stage import main

sys.exit(report_errors(main))
