"""docs/design.md is the contract: its tables must match the code."""

import re
from collections.abc import Iterable
from dataclasses import MISSING, fields
from typing import get_args

import pytest
from fastapi.routing import APIRoute
from pydantic import BaseModel

from cdk import permissions
from lambda_app.api.app import create_app
from lambda_app.api.messages import parameters, problems, schemas
from lambda_app.api.routes import status
from lambda_app.photo.rules import Preprocessing
from lambda_app.recommendation.query import MAX_CHARACTERS, MAX_PHOTOS, MAX_WORDS, Rank, SimilarQuery
from lambda_app.release.catalog import CatalogItem
from lambda_app.release.entries import DeadRowsEntry
from lambda_app.release.manifest import (
    CatalogEntry,
    FileEntry,
    IndexEntry,
    Manifest,
    ModelEntry,
    Pointer,
    RankingEntry,
)
from lambda_app.release.reference import Reference
from lambda_app.release.smoke import SmokeCase
from lambda_app.release.text.words import BEGINNING_WEIGHT, DESCRIPTION_WORDS, K1, TITLE_WEIGHT, B
from lambda_app.search.building.choice import KINDS
from lambda_app.search.fusion import DEPTH, FUSION
from lambda_app.search.s3vectors import state
from lambda_app.settings import Settings, environment_names
from lambda_app.store import contract
from lambda_app.telemetry.observer import AnsweredPhoto
from tests.docs.markdown import ROOT, fenced, section, spans, table
from tests.test_architecture import FLOORS, PACKAGES, SHARED, floor_of
from training.prepare.intake.fields.names import BY_ROLE, HEADERS

DESIGN = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")


def first_column(heading: str, first: str) -> list[str]:
    """The first column of a table, without backticks."""
    return [row[0].strip("`") for row in table(section(DESIGN, heading), first)]


def named(cells: Iterable[str]) -> set[str]:
    return {span for cell in cells for span in spans(cell)}


def test_the_page_says_that_it_is_the_contract():
    assert "A change of the contract changes this file in the same commit" in " ".join(DESIGN.split())


def test_the_routes_match_the_api():
    documented = {tuple(route.split(" ")) for route in first_column("The HTTP API", "route")}
    paths = create_app(Settings(store="unused", catalogue_writes="iam")).openapi()["paths"]
    described = {(method.upper(), path) for path, methods in paths.items() for method in methods}
    pages = {("GET", route.path.replace(":path", "")) for route in status.pages.routes if isinstance(route, APIRoute)}
    assert documented == described | pages | {("GET", "/openapi.json")}


def test_the_names_for_generated_clients_match_the_api():
    document = create_app(Settings(store="unused", catalogue_writes="iam", auth="jwt")).openapi()
    ids = {operation["operationId"] for methods in document["paths"].values() for operation in methods.values()}
    named_there = named([section(DESIGN, "The HTTP API").partition("\n### Clients that are generated\n")[2]])
    assert ids | set(document["components"]["securitySchemes"]) <= named_there
    assert {name for name in named_there if name.endswith(("Form", "Answer"))} <= set(document["components"]["schemas"])


@pytest.mark.parametrize(
    ("route", "answer"),
    [
        ("GET /healthcheck", schemas.Health),
        ("POST /predict/category", schemas.CategoryAnswer),
        ("POST /predict/feature_embedding", schemas.EmbeddingAnswer),
        ("POST /predict/similar_images", schemas.SimilarAnswer),
        ("POST /uploads", schemas.UploadAnswer),
        ("GET /readyz", schemas.Ready),
        ("GET /release", schemas.ReleaseAnswer),
    ],
)
def test_the_fields_of_an_answer_match_its_model(route: str, answer: type[BaseModel]):
    (cells,) = [row for row in table(section(DESIGN, "The HTTP API"), "route") if row[0] == f"`{route}`"]
    assert set(answer.model_fields) == named([cells[2]]) - {"k"}


def test_a_result_and_the_search_parameters_match_the_models():
    text = section(DESIGN, "The HTTP API")
    (result,) = re.findall(r"- \*\*A result\*\*: (.*?)\n- ", text, re.DOTALL)
    assert named([result]) == set(schemas.Result.model_fields)
    (asked,) = re.findall(r"- \*\*Search parameters\*\*: (.*?)\n- ", text, re.DOTALL)
    assert named([asked]) - {"product", "image"} == set(parameters.SearchParameters.model_fields)
    (with_photo,) = re.findall(r"- \*\*With a photo\*\* (.*?)\n- ", text, re.DOTALL)
    assert {"rank", "box", "q"} == set(parameters.PhotoParameters.model_fields) - set(
        parameters.SearchParameters.model_fields
    )
    assert {"rank", "box", *get_args(Rank)} <= named([with_photo])
    assert f"{MAX_PHOTOS} photos" in text
    (words,) = re.findall(r"- \*\*Words\*\*: (.*?)\n- ", text, re.DOTALL)
    assert f"`q`, up to {MAX_CHARACTERS} characters and {MAX_WORDS} words" in words
    alone = {"q", *parameters.SearchParameters.model_fields} - {"min_score"}
    assert set(parameters.WordParameters.model_fields) == alone
    assert f"`k` ({SimilarQuery().k})" in asked


def test_the_search_by_words_is_that_of_the_code():
    text = section(DESIGN, "The HTTP API").partition("\n### Search by words\n")[2]
    assert f"BM25 (k1 {K1:g}, b {B:g}" in text
    assert f"counts {TITLE_WEIGHT} times as much" in text
    assert f"1 / ({FUSION} + rank)" in text
    assert f"among the {DEPTH} nearest items" in text
    assert f"the first {DESCRIPTION_WORDS} words of the description" in text
    assert BEGINNING_WEIGHT == 0.5


def test_the_errors_match_the_table_in_the_code():
    documented = {int(code) for code in first_column("The HTTP API", "status")}
    assert documented == {int(code) for code in problems.STATUS.values()} | {403, 405, 429, 500}


def test_the_logged_fields_of_a_photo_match_the_code():
    documented = [cells[0].strip("`") for cells in table(section(DESIGN, "The HTTP API"), "field")]
    assert documented == list(AnsweredPhoto("Sofas", 1).fields())


def test_the_settings_match_the_code():
    rows = table(section(DESIGN, "Settings"), "variable")
    defaults = {name.strip("`"): default for name, default, _ in rows}
    assert list(defaults) == environment_names()
    for field in fields(Settings):
        found = "none" if field.default in (MISSING, "") else str(field.default).removesuffix(".0")
        assert defaults[f"LOOKALIKE_{field.name.upper()}"] == found, field.name


def test_the_keys_of_the_store_match_the_code():
    documented = named(first for first, _ in table(section(DESIGN, "The store"), "key"))
    prefixes = {key.partition("/")[0] for key in documented if not key.startswith("*")}
    known = (
        contract.POINTER,
        contract.OBJECTS,
        contract.RELEASES,
        contract.REJECTED,
        contract.DROPS,
        contract.UPLOADS,
        contract.CHANGES,
        contract.BLOCKED,
        state.VECTORS,
    )
    assert prefixes == {key.rstrip("/") for key in known} | {"datasets"}
    assert set(Pointer.model_fields) <= named([section(DESIGN, "The store")])


def test_the_permissions_of_the_roles_match_the_stack():
    granted = {
        "serving": (permissions.SERVING_READS, permissions.SERVING_WRITES, ()),
        "promoter": (permissions.PROMOTER_READS, permissions.PROMOTER_WRITES, ()),
        "training": (permissions.TRAINING_READS, permissions.TRAINING_WRITES, ()),
        "training flow": (permissions.FLOW_READS, (), ()),
        "operator": (permissions.OPERATOR_READS, permissions.OPERATOR_WRITES, permissions.OPERATOR_DELETES),
    }
    rows = {row[0]: row[1:] for row in table(section(DESIGN, "The store"), "role")}
    assert {role: [set(spans(cell)) for cell in cells] for role, cells in rows.items()} == {
        role: [set(keys) for keys in kinds] for role, kinds in granted.items()
    }


def test_the_fields_of_the_manifest_match_the_code():
    rows = {name.strip("`"): holds for name, holds in table(section(DESIGN, "The release"), "field")}
    assert set(rows) == set(Manifest.model_fields)
    parts: dict[str, type[BaseModel]] = {
        "preprocessing": Preprocessing,
        "model": ModelEntry,
        "index": IndexEntry,
        "catalog": CatalogEntry,
        "ranking": RankingEntry,
        "weights": FileEntry,
        "dead": DeadRowsEntry,
        "reference": Reference,
    }
    for name, part in parts.items():
        assert named([rows[name]]) - {"nprobe", "factor"} == set(part.model_fields), name
    assert named([rows["smoke"]]) == set(SmokeCase.model_fields)


def test_the_index_types_and_the_catalog_columns_match_the_code():
    assert first_column("The release", "type") == list(KINDS)
    (columns,) = re.findall(r"Columns of `items`: (.*?)\. A second", section(DESIGN, "The release"), re.DOTALL)
    assert {"row", *(field.name for field in fields(CatalogItem))} <= named([columns])


def test_the_reasons_of_rejection_match_the_code():
    sources = (path.read_text() for path in (ROOT / "training" / "prepare").rglob("*.py"))
    kinds = "missing|unreadable|unsupported|duplicate|damaged|too_many|too_few"
    given = {word for text in sources for word in re.findall(rf'"((?:{kinds})_[a-z]+)"', text)}
    assert set(first_column("Data in", "reason")) == given


def test_the_headers_of_tables_match_the_code():
    table = DESIGN.partition("| field | headers |\n|---|---|\n")[2].partition("\n\n")[0]
    listed = {line.split("|")[1].strip(): tuple(spans(line)) for line in table.splitlines()}
    (of_images, of_products) = (listed.pop("id of a photo"), listed.pop("product of a photo"))
    assert listed == HEADERS
    assert (of_images, of_products) == (BY_ROLE["images"]["image_id"], BY_ROLE["images"]["product_id"])


def test_every_command_is_listed():
    commands = {f"scripts/{path.name}" for path in (ROOT / "scripts").iterdir() if path.suffix == "" and path.is_file()}
    assert set(first_column("Commands", "command")) == commands


def test_the_floors_match_the_ones_that_the_tests_check():
    lines = (line.split(maxsplit=1) for line in fenced(DESIGN, "floors").splitlines())
    assert dict(lines) == FLOORS
    (shared,) = re.findall(r"training imports these rooms only.*?serves:\n(.*?)\. `lambda_app`", DESIGN, re.DOTALL)
    assert set(spans(shared)) == SHARED


@pytest.mark.parametrize("package", PACKAGES)
def test_the_tree_lists_every_room(package: str):
    tree = re.split(r"^(?=\S)", fenced(DESIGN, "tree"), flags=re.MULTILINE)
    (part,) = [lines for lines in tree if lines.startswith(f"{package}/")]
    entries = set(re.findall(r"[\w.]+(?=/)|\w+(?=\.py)", part))
    rooms = set(floor_of(package)) if package in FLOORS else set()
    folders = {path.parent.name for path in (ROOT / package).rglob("*.py")}
    assert (rooms | folders) - entries == set()
