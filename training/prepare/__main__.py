import sys

from training.pipeline.commands import report_errors
from training.prepare.stage import main

sys.exit(report_errors(main))
