"""Errors of training. On the command line: one clear line and exit code 2."""

from lambda_app.errors import LookalikeError


class TrainingError(LookalikeError):
    """An error that stops a stage and that the user can correct."""


class DataError(TrainingError):
    """No dataset can be made from the listings, folders or photos, or the dataset cannot be read."""


class WeightsError(TrainingError):
    """The backbone is unknown, or the initial weights do not match it."""


class TeacherError(TrainingError):
    """The teacher's release cannot be used: it is missing or damaged, or it does not fit the dataset."""


class DivergedError(TrainingError):
    """The loss is no longer a finite number."""


class LostProcessError(TrainingError):
    """Another process of the run has ended or does not respond."""


class ExportError(TrainingError):
    """The outputs of the exported model differ from those of the trained network."""


class DiskFullError(TrainingError):
    """A file cannot be written, because the disk is full or the file would be too large."""
