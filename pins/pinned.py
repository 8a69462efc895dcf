"""Finds every version that this project pins: packages, actions, images, hooks, and the versions of Python and Node."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from cdk.context.training_keys import TrainingKeys

PYPI, NPM, GITHUB, IMAGE = "PyPI", "npm", "GitHub", "image"
AWS_IMAGE, PYTHON, NODE = "AWS image", "Python", "Node"
_REQUIREMENT = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;\"']+)")
_IMAGE = re.compile(r"^ARG\s+BASE=(\S+):([\w.-]+)$|^FROM\s+([^\s${]+):([\w.-]+)", re.MULTILINE)


@dataclass(frozen=True, order=True)
class Pin:
    """One pinned version.

    Attributes:
        kind: where its versions are published, one of the constants of this module.
        name: as its registry spells it; of an image with its registry.
        version: what is pinned: `1.2.3`, or less of it, such as `v6` or `3.13`.
        place: the file that pins it, relative to the root of the project.
    """

    kind: str
    name: str
    version: str
    place: str


def read_pins(root: Path) -> list[Pin]:
    """All pins of the project in a folder, without repetitions, sorted by kind and name."""
    found = {
        *_requirements(root, "constraints.txt"),
        *_requirements(root, "tests/toolkit/container.py"),
        *_npm(root),
        *_images(root, "Dockerfile.lambda"),
        *_hooks(root, ".pre-commit-config.yaml"),
    }
    for path in sorted((root / ".github" / "workflows").glob("*.yml")):
        found |= set(_workflow(root, path))
    found.add(Pin(AWS_IMAGE, "pytorch-training", TrainingKeys().training_image, "cdk/context/training_keys.py"))
    seen: dict[tuple[str, str, str], Pin] = {}
    for pin in sorted(found):
        seen.setdefault((pin.kind, pin.name, pin.version), pin)
    return list(seen.values())


def _requirements(root: Path, place: str) -> Iterator[Pin]:
    path = root / place
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    yield from (Pin(PYPI, name, version, place) for name, version in _REQUIREMENT.findall(text))


def _npm(root: Path) -> Iterator[Pin]:
    """The packages that package.json names. What they need themselves is theirs to choose."""
    named = json.loads((root / "package.json").read_text(encoding="utf-8"))
    installed = json.loads((root / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    for name in {**named.get("dependencies", {}), **named.get("devDependencies", {})}:
        yield Pin(NPM, name, installed[f"node_modules/{name}"]["version"], "package-lock.json")


def _images(root: Path, place: str) -> Iterator[Pin]:
    for base, base_tag, name, tag in _IMAGE.findall((root / place).read_text(encoding="utf-8")):
        image, version = base or name, base_tag or tag
        yield Pin(IMAGE, image, version, place)
        if image.rpartition("/")[2] == "python":
            yield Pin(PYTHON, "python", version, place)


def _hooks(root: Path, place: str) -> Iterator[Pin]:
    path = root / place
    described = yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else {}
    for hook in described.get("repos", ()):
        if match := re.fullmatch(r"https://github\.com/([\w.-]+/[\w.-]+?)(\.git)?/?", hook["repo"]):
            yield Pin(GITHUB, match[1], hook["rev"], place)


def _workflow(root: Path, path: Path) -> Iterator[Pin]:
    place = path.relative_to(root).as_posix()
    jobs: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"]
    for step in (step for job in jobs.values() for step in job.get("steps", ())):
        action, _, version = step.get("uses", "").partition("@")
        if version:
            yield Pin(GITHUB, "/".join(action.split("/")[:2]), version, place)
        given = step.get("with", {})
        yield from (Pin(kind, kind.lower(), str(given[key]), place) for key, kind in _SET_UP if key in given)


_SET_UP = (("python-version", PYTHON), ("node-version", NODE))
