"""Checks of a run before its first photo is decoded, so that it does not fail after hours."""

from training.network.backbone import NAMED, tag_in
from training.network.start_check import check_start
from training.network.teacher.release import take_over
from training.pipeline.files import write_file
from training.pipeline.work_folder import WorkFolder
from training.settings.train_settings import TrainSettings


def check_settings(work: WorkFolder, settings: TrainSettings) -> None:
    """Check what needs no file of weights: the work folder and the settings of the network. It takes a second.

    Raises:
        TrainingError: the work folder cannot be written, or a WeightsError of `check_start`.
    """
    write_file(trial := work.root / ".writable", b"")
    trial.unlink()
    if settings.fit.weights in NAMED or tag_in(settings.fit.weights):
        _check_network(settings, download=False)


def check_weights(work: WorkFolder, settings: TrainSettings) -> None:
    """Check the initial weights and the teacher, which may be downloaded: call it when the tables were read.

    Raises:
        TrainingError: a WeightsError of `check_start`, or a TeacherError.
    """
    # A network that was trained already needs no download: a rerun for a new catalog works without internet.
    if settings.fit.weights != "none":
        _check_network(settings, download=not work.weights.exists())
    if settings.fit.teacher is not None:
        take_over(settings.fit.teacher, work.teacher)


def _check_network(settings: TrainSettings, *, download: bool) -> None:
    fit, size = settings.fit, settings.prepare.preprocessing().size
    check_start(fit.backbone, fit.weights, fit.freeze, size, small=fit.small, download=download)
