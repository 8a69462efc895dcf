import pickle
from pathlib import Path
from typing import Literal

import pytest
from pydantic import Field, ValidationError

from lambda_app.errors import SettingsError
from training.pipeline.settings import DERIVED, RARE, Setting, Settings, closest, declared


class Baking(Settings):
    max_steps: int = Field(default=5, ge=0, le=9, description="how many")
    pairs: int = Field(default=2, ge=2, multiple_of=2, description="together")
    heat: float = Field(default=0.5, ge=0, lt=1, description="of the oven")
    most: float = Field(default=1.0, le=2.5, description="at the end", json_schema_extra=RARE)
    kind: Literal["a", "b"] = Field(default="a", description="which")
    fast: bool = Field(default=False, description="whether")
    name: str = Field(default="", description="of the bread")
    recipe: Path | None = Field(default=None, description="where it is")
    hands: int | None = Field(default=None, ge=1, description="that knead")
    found: tuple[str, ...] = Field(default=(), json_schema_extra=DERIVED)


def test_a_declaration_has_everything_that_help_and_documentation_show():
    assert list(declared(Baking)) == [
        Setting("max_steps", "how many", "5", "0 to 9", "N", False),
        Setting("pairs", "together", "2", "at least 2, a multiple of 2", "N", False),
        Setting("heat", "of the oven", "0.5", "0 to under 1", "X", False),
        Setting("most", "at the end", "1", "at most 2.5", "X", True),
        Setting("kind", "which", "a", "a, b", "{a,b}", False),
        Setting("fast", "whether", "False", "True or False", "BOOL", False),
        Setting("name", "of the bread", "empty", "text", "TEXT", False),
        Setting("recipe", "where it is", "none", "file", "FILE", False),
        Setting("hands", "that knead", "none", "at least 1", "N", False),
    ]


def test_option_names_have_hyphens():
    assert [setting.option for setting in declared(Baking)][:2] == ["--max-steps", "--pairs"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"max_steps": 10}, "max_steps is 10; it must be at most 9"),
        ({"max_steps": "-1"}, "max_steps is -1; it must be at least 0"),
        ({"max_steps": 2.5}, "max_steps is 2.5; it must be a whole number"),
        ({"max_steps": "many"}, "max_steps is 'many'; it must be a whole number"),
        ({"pairs": 3}, "pairs is 3; it must be a multiple of 2"),
        ({"heat": 1.0}, "heat is 1.0; it must be less than 1"),
        ({"heat": float("nan")}, "heat is nan; it must be a finite number"),
        ({"heat": "hot"}, "heat is 'hot'; it must be a number"),
        ({"kind": "c"}, "kind is 'c'; it may be a, b"),
        ({"fast": "maybe"}, "fast is 'maybe'; it must be True or False"),
        ({"fast": 2}, "fast is 2; it must be True or False"),
        ({"name": 1}, "name is 1: Input should be a valid string"),
        ({"hands": "0"}, "hands is 0; it must be at least 1"),
        (
            {"max_step": 1},
            "no setting max_step; did you mean max_steps? there are "
            "max_steps, pairs, heat, most, kind, fast, name, recipe, hands",
        ),
    ],
)
def test_a_bad_value_is_reported_with_its_limit_in_one_line(changes, message):
    with pytest.raises(SettingsError) as refused:
        Baking(**changes)
    assert str(refused.value) == message


@pytest.mark.parametrize(
    ("text", "value"), [("True", True), ("true", True), ("1", True), ("yes", True), ("False", False), ("no", False)]
)
def test_text_is_converted_to_the_type_of_the_field(text, value):
    texts = {"max_steps": "7", "heat": "2.5e-1", "fast": text, "hands": "3", "recipe": "bread.txt"}
    settings = Baking.model_validate(texts)
    assert (settings.max_steps, settings.heat, settings.fast, settings.hands) == (7, 0.25, value, 3)
    assert settings.recipe == Path("bread.txt")


def test_a_changed_copy_is_also_validated():
    first = Baking(heat=0.25)
    assert first.changed(max_steps=7) == Baking(heat=0.25, max_steps=7)
    assert first.max_steps == 5
    with pytest.raises(SettingsError, match="max_steps is 10; it must be at most 9"):
        first.changed(max_steps=10)


def test_settings_are_immutable_hashable_and_picklable():
    with pytest.raises(ValidationError, match="frozen"):
        Baking().heat = 0.1
    assert {Baking(): 1}[Baking()] == 1
    assert pickle.loads(pickle.dumps(Baking(heat=0.1))) == Baking(heat=0.1)  # noqa: S301


def test_the_json_of_settings_depends_on_their_values():
    assert Baking().as_json() == Baking.model_validate({"heat": "0.5"}).as_json() != Baking(heat=0.6).as_json()


@pytest.mark.parametrize(("name", "hint"), [("heet", "; did you mean heat?"), ("zzz", "")])
def test_an_unknown_name_gets_a_hint_of_the_closest_known_one(name, hint):
    assert closest(name, ["heat", "kind"]) == hint
