"""Settings, each declared once: options, checks, help and the table in the documentation are made from the fields.

The settings of a stage are a subclass of `Settings`. A field has a default, a range and a description of one line:

    lr: float = Field(default=2e-3, ge=0, description="highest learning rate")

This module and the modules that declare settings must not import torch or other large packages, because
`scripts/train-remote` checks hyperparameters on machines without them.
"""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lambda_app.errors import SettingsError

# `json_schema_extra` of a field that `training.train` takes only by `--set`, not by a separate option.
RARE: Final[dict[str, Any]] = {"rare": True}
# `json_schema_extra` of a field that the program sets; users cannot set it.
DERIVED: Final[dict[str, Any]] = {"derived": True}
# The seed of a run: one option for all stages that use random numbers.
SEED: Final[Any] = Field(
    default=0, ge=0, le=10**9, description="seed of all random numbers: splits, initial weights, batches, augmentation"
)
# The network and its initial weights. They also decide the size, the scale and the resize of the photos.
BACKBONE: Final[Any] = Field(
    default="resnet50",
    description="model of torchvision or timm, such as resnet50 or vit_small_patch16_224; a name of both is "
    "torchvision's, unless it begins with timm/ or ends in a tag of timm's weights",
)
WEIGHTS: Final[Any] = Field(
    default="imagenet",
    description="initial weights: imagenet (the library's best for the backbone), none, a tag of its weights such as "
    "V1 or a1_in1k, or the path or s3:// URI of a state dict",
)

# By type or format of a field's JSON schema: its name in messages, and the placeholder of its value in the help.
_KINDS = {"integer": "whole number", "number": "number", "string": "text", "path": "file", "boolean": "True or False"}
_METAVARS = {"integer": "N", "number": "X", "string": "TEXT", "path": "FILE", "boolean": "BOOL"}
_EXPECTED = {
    "greater_than_equal": "at least {ge:g}",
    "less_than_equal": "at most {le:g}",
    "less_than": "less than {lt:g}",
    "multiple_of": "a multiple of {multiple_of:g}",
    "finite_number": "a finite number",
    **dict.fromkeys(("int_parsing", "int_type", "int_from_float"), "a whole number"),
    **dict.fromkeys(("float_parsing", "float_type"), "a number"),
    **dict.fromkeys(("bool_parsing", "bool_type"), "True or False"),
}


class Settings(BaseModel):
    """The settings of a stage. Immutable. Text, as SageMaker passes it, is converted to the type of the field."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def __init__(self, **values: Any) -> None:
        """Raises: SettingsError, one line that names the setting, its value and the limit."""
        try:
            super().__init__(**values)
        except ValidationError as exc:
            raise SettingsError(_problem(type(self), exc.errors()[0])) from exc

    def changed(self, **changes: Any) -> Self:
        """A copy with some values changed. The new values are checked too.

        Raises:
            SettingsError: see `__init__`.
        """
        return type(self)(**{**dict(self), **changes})

    def as_json(self) -> dict[str, Any]:
        """The values as JSON. A stage compares them to find out whether a setting has changed."""
        return self.model_dump(mode="json")


@dataclass(frozen=True)
class Setting:
    """A declared setting, as options and the documentation show it.

    Attributes:
        name: name of the field, such as "metric_weight".
        what: description of the field.
        default: as text, such as "0.5"; "none" for None and "empty" for an empty text.
        allowed: range or choices, such as "0 to 1".
        metavar: placeholder of the value in the help.
        rare: whether `training.train` takes it only by `--set`.
    """

    name: str
    what: str
    default: str
    allowed: str
    metavar: str
    rare: bool

    @property
    def option(self) -> str:
        """The command-line option, such as "--metric-weight"."""
        return option_of(self.name)


def option_of(name: str) -> str:
    """The option of a field: `metric_weight` becomes `--metric-weight`."""
    return f"--{name.replace('_', '-')}"


def declared(kind: type[Settings]) -> Iterator[Setting]:
    """The settings that a class declares, in its order, without those that the program sets."""
    for name, schema in _schemas(kind):
        yield Setting(
            name=name,
            what=schema["description"],
            default=_default(schema["default"]),
            allowed=_allowed(schema),
            metavar=_metavar(schema),
            rare=schema.get("rare", False),
        )


def closest(name: str, known: Iterable[str]) -> str:
    """A suggestion for a message: the most similar known name. Empty if no known name is similar."""
    found = difflib.get_close_matches(name, list(known), n=1, cutoff=0.7)
    return f"; did you mean {found[0]}?" if found else ""


def no_setting(name: str, known: Iterable[str]) -> str:
    """The message for an unknown setting: a suggestion, and the known names."""
    names = list(known)
    return f"no setting {name}{closest(name, names) or ';'} there are {', '.join(names)}"


def _default(value: Any) -> str:
    if value is None:
        return "none"
    if value == "":
        return "empty"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _allowed(schema: Mapping[str, Any]) -> str:
    """The range of a field in words: choices, limits, or its type."""
    if "enum" in schema:
        return ", ".join(schema["enum"])
    low = f"{schema['minimum']:g}" if "minimum" in schema else ""
    high = f"{schema['maximum']:g}" if "maximum" in schema else ""
    if "exclusiveMaximum" in schema:
        high = f"under {schema['exclusiveMaximum']:g}"
    if low and high:
        limits = f"{low} to {high}"
    elif low:
        limits = f"at least {low}"
    else:
        limits = f"at most {high}" if high else _KINDS[_type(schema)]
    return f"{limits}, a multiple of {schema['multipleOf']:g}" if "multipleOf" in schema else limits


def _metavar(schema: Mapping[str, Any]) -> str:
    return f"{{{','.join(schema['enum'])}}}" if "enum" in schema else _METAVARS[_type(schema)]


def _type(schema: Mapping[str, Any]) -> str:
    return str(schema.get("format", schema["type"]))


def _schemas(kind: type[Settings]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Name and JSON schema of each setting of a class. If it may be None: the schema of its other values."""
    for name, schema in kind.model_json_schema()["properties"].items():
        if not schema.get("derived"):
            values: dict[str, Any] = next((part for part in schema.get("anyOf", ()) if part["type"] != "null"), {})
            yield name, schema | values


def _problem(kind: type[Settings], error: Mapping[str, Any]) -> str:
    """The first error that pydantic found, as one line."""
    name, schemas = str(error["loc"][0]), dict(_schemas(kind))
    if error["type"] == "extra_forbidden":
        return no_setting(name, schemas)
    if error["type"] == "literal_error":
        return f"{name} is {error['input']!r}; it may be {_allowed(schemas[name])}"
    expected = _EXPECTED.get(error["type"])
    if expected is None:
        return f"{name} is {error['input']!r}: {error['msg'].removeprefix('Value error, ')}"
    return f"{name} is {_shown(error['input'])}; it must be {expected.format(**error.get('ctx', {}))}"


def _shown(value: Any) -> str:
    """A value in a message: quoted, except numbers and text that is a number."""
    try:
        float(value)
    except (TypeError, ValueError):
        return repr(value)
    return str(value)
