"""The settings of a whole run, by name, for all stages."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from lambda_app.errors import SettingsError
from training.export.settings import ExportSettings
from training.fit.settings import Execution, FitSettings
from training.index.settings import IndexSettings
from training.pack.settings import PackSettings
from training.pipeline.settings import Setting, Settings, declared, no_setting
from training.prepare.settings import PrepareSettings

STAGES: dict[str, tuple[type[Settings], ...]] = {
    "prepare": (PrepareSettings,),
    "fit": (FitSettings, Execution),
    "export": (ExportSettings,),
    "index": (IndexSettings,),
    "pack": (PackSettings,),
}
# What may be set if the model of a release is used.
_WITHOUT_TRAINING = frozenset(
    {"currency", "encoding", "columns", "category_separator", "workers", "index", "name", "bulk", "force", "search"}
)


@dataclass(frozen=True)
class TrainSettings:
    """The settings of all stages.

    Attributes:
        reuse_model: a release whose model is used; then nothing is trained. None: a network is trained.
    """

    prepare: PrepareSettings = field(default_factory=PrepareSettings)
    fit: FitSettings = field(default_factory=FitSettings)
    export: ExportSettings = field(default_factory=ExportSettings)
    index: IndexSettings = field(default_factory=IndexSettings)
    pack: PackSettings = field(default_factory=PackSettings)
    execution: Execution = field(default_factory=Execution)
    reuse_model: str | None = None

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> "TrainSettings":
        """The settings of a run from values by name, such as "metric_weight"; other settings have their defaults.

        Raises:
            SettingsError: an unknown name, or a value out of range; the message names both.
        """
        known = every_setting()
        for name in values:
            if name not in known:
                raise SettingsError(no_setting(name, known))

        def given(kind: type[Settings]) -> dict[str, Any]:
            return {setting.name: values[setting.name] for setting in declared(kind) if setting.name in values}

        return cls(
            prepare=PrepareSettings(**given(PrepareSettings)),
            fit=FitSettings(**given(FitSettings)),
            export=ExportSettings(**given(ExportSettings)),
            index=IndexSettings(**given(IndexSettings)),
            pack=PackSettings(**given(PackSettings)),
            execution=Execution(**given(Execution)),
        )

    @classmethod
    def reusing(cls, release: str, values: Mapping[str, Any]) -> "TrainSettings":
        """The settings of a run that uses the model of a release, from values by name.

        Raises:
            SettingsError: see `of`; or a value that has no effect, because nothing is trained.
        """
        settings = cls.of(values)
        for name in values:
            if name not in _WITHOUT_TRAINING:
                raise SettingsError(
                    f"{name} has no effect with --reuse-model: the network, its input and the order of the categories "
                    "are those of the release"
                )
        return replace(settings, reuse_model=release)


def by_stage() -> Iterator[tuple[str, list[Setting]]]:
    """Each stage with its settings. A setting of several stages, the seed, is listed only with the first of them."""
    seen: set[str] = set()
    for stage, kinds in STAGES.items():
        new = [setting for kind in kinds for setting in declared(kind) if setting.name not in seen]
        seen |= {setting.name for setting in new}
        yield stage, new


def every_setting() -> dict[str, Setting]:
    """All settings of a run, by name."""
    return {setting.name: setting for _, settings in by_stage() for setting in settings}


def read_pairs(texts: Iterable[str]) -> Iterator[tuple[str, str]]:
    """The pairs in values of `--set`, such as "ema=0.9,warmup=0".

    Raises:
        SettingsError: a part is not NAME=VALUE.
    """
    for text in texts:
        for part in text.split(","):
            name, equals, value = part.partition("=")
            if not equals or not name.strip():
                raise SettingsError(f"--set {text!r}: write NAME=VALUE, and separate several with commas")
            yield name.strip().replace("-", "_"), value.strip()


def with_pairs(values: Mapping[str, Any], pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """The values together with those of the pairs, by name.

    Raises:
        SettingsError: a setting is given twice.
    """
    found = dict(values)
    for name, value in pairs:
        if name in found:
            raise SettingsError(f"{name} is given twice: {found[name]} and {value}")
        found[name] = value
    return found
