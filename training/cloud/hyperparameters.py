"""Hyperparameters of a training job, checked before anything is uploaded or started: a GPU that is rented to find a
misspelt name costs money and a quarter of an hour.
"""

import re
from collections.abc import Iterable, Mapping

from lambda_app.errors import SettingsError
from training.errors import TrainingError
from training.pipeline.settings import no_setting
from training.settings.train_settings import TrainSettings, every_setting, read_pairs, with_pairs

# Of a value, by SageMaker.
MAX_VALUE = 2500
_SET = "set"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


class HyperparameterError(TrainingError):
    """A hyperparameter that the job would refuse."""


def parse_hyperparameters(pairs: Iterable[str]) -> dict[str, str]:
    """Settings of `training.train`, given as `name=value`, as hyperparameters of a job: options, with text as values.

    Settings without an option of their own go together under "set".

    Args:
        pairs: such as "metric_weight=0.5", "metric-weight=0.5" or "set=ema=0.9,warmup=0".

    Raises:
        HyperparameterError: a pair that is none, an unknown name, a value out of its range or beyond SageMaker's limit.
    """
    try:
        values = with_pairs({}, _read(pairs))
        TrainSettings.of(values)
        _check_for_a_job(values)
    except SettingsError as exc:
        raise HyperparameterError(f"--hyperparameter: {exc}") from exc
    known = every_setting()
    found = {known[name].option.removeprefix("--"): value for name, value in values.items() if not known[name].rare}
    rare = ",".join(f"{name}={value}" for name, value in values.items() if known[name].rare)
    if rare:
        found[_SET] = rare
    for name, value in found.items():
        if len(value) > MAX_VALUE:
            raise HyperparameterError(
                f"--hyperparameter {name}: {len(value):,} characters; SageMaker takes {MAX_VALUE:,}"
            )
    return found


def _check_for_a_job(values: Mapping[str, str]) -> None:
    """Refuse values that are valid on one machine but not in a job.

    Raises:
        SettingsError: names the setting and what it may be.
    """
    if "name" in values:
        raise SettingsError("name is not a hyperparameter: a job names its dataset, with --dataset")
    weights = values.get("weights", "none")
    if weights not in ("imagenet", "none") and "/" not in weights:
        raise SettingsError(f"weights is {weights!r}; it may be imagenet, none, or an s3:// URI (better: --weights)")


def _read(pairs: Iterable[str]) -> Iterable[tuple[str, str]]:
    known = [*every_setting(), _SET]
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not _NAME.fullmatch(name):
            raise SettingsError(f"{pair!r}: write a setting of training.train as name=value")
        name = name.replace("-", "_")
        if name == _SET:
            yield from read_pairs([value])
        elif name in known:
            yield name, value
        else:
            raise SettingsError(no_setting(name, known))
