import sys

from training.pack.stage import main
from training.pipeline.commands import report_errors

sys.exit(report_errors(main))
