"""What training reports to a person: one clear line each, exit code 2 at the command line."""

from lambda_app.errors import LookalikeError


class TrainingError(LookalikeError):
    """Anything that stops a stage and that a person can act on."""


class DataError(TrainingError):
    """The listings, folders or photos cannot be made into a dataset, or the dataset cannot be read."""


class WeightsError(TrainingError):
    """The backbone is unknown, or the weights to start from do not fit it."""


class DivergedError(TrainingError):
    """The loss is no longer a finite number."""


class LostProcessError(TrainingError):
    """Another process of the run has ended, or no longer answers."""


class ExportError(TrainingError):
    """The exported model does not answer as the trained one does."""


class IndexBuildError(TrainingError):
    """The index or its smoke cases do not answer as they must."""
