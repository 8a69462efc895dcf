"""Comparison of a new release with the live one: its figures must not be much lower, and its categories must stay.

The figures come from `evaluation` of the manifest. A drop's figures are read strictly. Those of a stored release are
read leniently, because older code stored whatever a manifest said, and such a release must go on answering.
"""

from typing import Annotated, Any, TypeVar

from pydantic import Field, TypeAdapter, ValidationError

from lambda_app.errors import MissingObjectError, RefusedReleaseError, ReleaseError
from lambda_app.promotion.stored import stored_manifest
from lambda_app.release.manifest import MANIFEST, Manifest
from lambda_app.store.contract import LivePointer, Store

QUALITY_FLOOR = 0.03
_Value = TypeVar("_Value")
_FIGURES = {"accuracy": ("test", "accuracy"), "recall@4": ("test", "retrieval", "embedding", "recall@4")}
# Strict: `true` and "0.9" are not numbers here. Python's JSON reader accepts NaN and Infinity.
_FIGURE: TypeAdapter[float | None] = TypeAdapter(
    Annotated[float, Field(strict=True, ge=0, le=1, allow_inf_nan=False)] | None
)
_COUNT: TypeAdapter[int | None] = TypeAdapter(Annotated[int, Field(strict=True, ge=0)] | None)


def figures(manifest: Manifest) -> dict[str, float]:
    """The figures that the floor looks at, where measured: test accuracy, and recall@4 by the embedding.

    Raises:
        ReleaseError: a figure is not a number from 0 to 1; the message names it and its value.
    """
    found = {name: _figure(manifest.evaluation, path) for name, path in _FIGURES.items()}
    return {name: value for name, value in found.items() if value is not None}


def quality(manifest: Manifest) -> dict[str, float]:
    """As `figures`, but figures that are not numbers from 0 to 1 are left out."""
    found = {}
    for name, path in _FIGURES.items():
        try:
            value = _figure(manifest.evaluation, path)
        except ReleaseError:
            continue
        if value is not None:
            found[name] = value
    return found


def check_floor(store: Store, live: LivePointer | None, manifest: Manifest, force: bool) -> str | None:
    """Compare the release with the one that `live`, just read, points to.

    Returns:
        The failed checks that `force` skips, in words; None if no check fails.

    Raises:
        RefusedReleaseError: a check fails, without `force`.
        MissingObjectError: the manifest of the live release does not exist.
    """
    if live is None:
        return None
    try:
        found = _shortfalls(manifest, stored_manifest(store, live.pointer.release))
    except (MissingObjectError, ReleaseError) as exc:
        words = f"the live release {live.pointer.release} cannot be read for a comparison: {exc}"
        if force:
            return f"forced past the floor: {words}"
        if isinstance(exc, MissingObjectError):
            raise
        raise RefusedReleaseError(f'{words}. A release whose manifest says "force": true is not compared') from exc
    if not found:
        return None
    words = f"{'; '.join(found)} (live is {live.pointer.release})"
    if force:
        return f"forced past the floor: {words}"
    raise RefusedReleaseError(
        f"{manifest.release} is below the floor: {words}. A figure may be at most {QUALITY_FLOOR:.2f} lower, and "
        'categories keep their order, unless the manifest says "force": true (scripts/train ... --force True)'
    )


def _shortfalls(manifest: Manifest, present: Manifest) -> list[str]:
    """The checks that a release fails, in words; empty if it may follow the live one.

    Args:
        manifest: of the new release; its figures are sound.
        present: of the live release.
    """
    new, found = figures(manifest), []
    for name, live in quality(present).items():
        if name not in new:
            found.append(f"{name} is not proven against {live:.3f}")
        elif new[name] < live - QUALITY_FLOOR:
            found.append(f"{name} {new[name]:.3f} against {live:.3f}")
    return found + _lost_categories(manifest.categories, present.categories)


def _lost_categories(new: tuple[str, ...], live: tuple[str, ...]) -> list[str]:
    """Clients store the index of a category, so it must not change. New categories may follow at the end."""
    if missing := [category for category in live if category not in new]:
        more = f" and {len(missing) - 1} more of {len(live)} categories" if missing[1:] else ""
        added = [category for category in new if category not in live]
        instead = f", and has {_cut(added[0])}{' and others' if added[1:] else ''} instead" if added else ""
        return [f"the new release lacks {_cut(missing[0])}{more}{instead}"]
    for index, category in enumerate(live):
        if new[index] != category:
            return [f"category {index} is {_cut(new[index])} against {_cut(category)}"]
    return []


def _figure(evaluation: dict[str, Any], path: tuple[str, ...]) -> float | None:
    """The value at `path`; None if it, or an object on the way, is absent or null, or was measured on nothing."""
    value: Any = evaluation
    for depth, part in enumerate(path):
        if not isinstance(value, dict):
            raise ReleaseError(f"{_name(path[:depth])} is {_cut(value)}; an object is expected")
        if _checked(_COUNT, value.get("n"), (*path[:depth], "n"), "a count of at least 0") == 0:
            return None
        if (value := value.get(part)) is None:
            return None
    return _checked(_FIGURE, value, path, "a figure from 0 to 1, or null if it was not measured,")


def _checked(kind: TypeAdapter[_Value], value: object, path: tuple[str, ...], expected: str) -> _Value:
    try:
        return kind.validate_python(value)
    except ValidationError as exc:
        raise ReleaseError(f"{_name(path)} is {_cut(value)}; {expected} is expected") from exc


def _name(path: tuple[str, ...]) -> str:
    return ".".join((f"{MANIFEST}: evaluation", *path))


def _cut(value: object, limit: int = 60) -> str:
    text = repr(value)
    return text if len(text) <= limit else f"{text[:limit]}..."
