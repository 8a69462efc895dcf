import sys

from training.compare.plan import main
from training.pipeline.commands import report_errors

sys.exit(report_errors(main))
