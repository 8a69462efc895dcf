import training.pipeline.interrupts  # noqa: F401 - first: Ctrl-C during the imports below ends with one line

# isort: split
import sys

from training.evaluate.stage import main
from training.pipeline.commands import report_errors

sys.exit(report_errors(main))
