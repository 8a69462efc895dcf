"""The part of docs/api.md that follows from /openapi.json: a section for each route.

python -m tests.docs.api_page     writes it again
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from lambda_app.api.app import create_app
from lambda_app.api.description.answers import read_examples
from lambda_app.settings import Settings
from tests.docs.markdown import ROOT
from tests.lambda_app.api.description.references import dereferenced

PAGE = ROOT / "docs" / "api.md"
MARK = "<!-- From here on the page is made by `python -m tests.docs.api_page`. -->\n"
_WRITE = '-H "Content-Type: application/json" -d'
# How each operation is asked for its example, with curl.
ASKED = {
    "predict": 'curl -F file=@photo.jpg "$API/predict?k=2"',
    "predictCategory": 'curl -F file=@photo.jpg "$API/predict/category?k=2"',
    "featureEmbedding": 'curl -H "Content-Type: image/jpeg" --data-binary @photo.jpg "$API/predict/feature_embedding"',
    "similarImages": 'curl -F file=@photo.jpg "$API/predict/similar_images?k=2"',
    "findDuplicates": 'curl -F file=@photo.jpg "$API/predict/duplicates"',
    "predictBatch": 'curl -F files=@photo.jpg -F files=@note.txt "$API/predict/batch?k=1"',
    "createUpload": f"""curl {_WRITE} '{{"content_type": "image/jpeg"}}' "$API/uploads\"""",
    "searchItems": 'curl "$API/search?q=solid+oak&k=2"',
    "browseItems": 'curl "$API/items?after=4&k=2"',
    "listExamples": 'curl "$API/examples"',
    "getExample": 'curl --output example.jpg "$API/examples/0"',
    "getReleaseReport": 'curl --output report.html "$API/release/report"',
    "similarItems": 'curl "$API/items/003a/similar?k=2"',
    "getItem": 'curl "$API/items/003a"',
    "recommend": f"""curl {_WRITE} '{{"liked": ["003a"], "disliked": ["004a"], "k": 2}}' "$API/recommend\"""",
    "getPhoto": 'curl --location --output 003a.jpg "$API/images/003a"',
    "getHealth": 'curl "$API/healthcheck"',
    "getReadiness": 'curl "$API/readyz"',
    "getRelease": 'curl "$API/release"',
    "putItem": 'curl -X PUT -F file=@photo.jpg -F \'item={"product_id": "sofa-7", "category": "Home & Garden", '
    '"title": "Red sofa", "price": 90}\' "$API/items/sofa-7a"',
    "deleteItem": 'curl -X DELETE "$API/items/003b"',
    "changeItems": f"curl {_WRITE} "
    """'{"changes": [{"op": "update", "image_id": "003a", "set": {"price": 35}}]}' "$API/items:batch\"""",
}
LONGEST_TEXT = 80


def made() -> str:
    """The sections of all routes."""
    document = dereferenced(create_app(Settings(store="unused", catalogue_writes="open")).openapi())
    lines: list[str] = []
    for tag in document["tags"]:
        lines += [f"## {tag['name'].capitalize()}", "", tag["description"], ""]
        for path, methods in document["paths"].items():
            for method, operation in methods.items():
                if operation["tags"][0] == tag["name"]:
                    lines += _section(method.upper(), path, operation, read_examples()["answers"])
    return "\n".join([*lines, "## Errors", "", *_errors()])


def write() -> None:
    """Write the page again; what people have written stays."""
    PAGE.write_text(PAGE.read_text(encoding="utf-8").partition(MARK)[0] + MARK + "\n" + made(), encoding="utf-8")


def _section(method: str, path: str, operation: dict[str, Any], examples: dict[str, Any]) -> Iterator[str]:
    name = operation["operationId"]
    yield from (f"### {method} {path}", "", f"`{name}`. {' '.join(operation['description'].split())}", "")
    if "requestBody" in operation:
        body = operation["requestBody"]
        yield from (f"Body ({', '.join(f'`{kind}`' for kind in body['content'])}): {body['description']}", "")
    asked = [one for one in operation.get("parameters", ()) if one["in"] != "path"]
    if asked:
        yield from ("| parameter | takes | default | meaning |", "|---|---|---|---|")
        yield from (_row(parameter) for parameter in asked)
        yield ""
    yield from ("```sh", ASKED[name], "```", "")
    if name in examples:
        # The example was made with a photo of this name; the command beside it sends photo.jpg.
        yield from ("```json", shown(examples[name]).replace('"lamp.jpg"', '"photo.jpg"'), "```", "")
    errors = [f"[{status}](#{status})" for status in operation["responses"] if status >= "400"]
    yield from (f"Errors: {', '.join(errors)}.", "")


def _row(parameter: dict[str, Any]) -> str:
    schema = parameter["schema"]
    default = schema.get("default")
    shown_default = "required" if parameter["required"] else "" if default in (None, "") else f"`{default}`"
    said = parameter.get("description", schema.get("description", "")).replace("|", "\\|")
    name = parameter["name"] + (" (header)" if parameter["in"] == "header" else "")
    return f"| `{name}` | {_takes(schema)} | {shown_default} | {said} |"


def _takes(schema: dict[str, Any]) -> str:
    schema = next((one for one in schema.get("anyOf", ()) if one.get("type") != "null"), schema)
    if "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema["enum"])
    kind = str(schema["type"])
    if "minimum" in schema:
        return f"{kind}, {schema['minimum']} to {schema['maximum']}"
    if "maxLength" in schema:
        return f"{kind}, up to {schema['maxLength']} characters"
    return kind


def shown(answer: Any) -> str:
    """An answer as JSON, with its numbers in one line and long texts cut."""
    text = json.dumps(_cut(answer), indent=2, ensure_ascii=False)
    return re.sub(
        r"\[[-\d.,e\s]+\]", lambda found: " ".join(found[0].split()).replace("[ ", "[").replace(" ]", "]"), text
    )


def _cut(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _cut(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_cut(one) for one in value]
    return f"{value[:LONGEST_TEXT]}..." if isinstance(value, str) and len(value) > LONGEST_TEXT * 2 else value


def _errors() -> Iterator[str]:
    """The errors, with what the service says about one of each kind."""
    document = create_app(Settings(store="unused", catalogue_writes="open", auth="jwt")).openapi()
    operations = [one for methods in document["paths"].values() for one in methods.values()]
    statuses = {
        status: part["$ref"] for one in operations for status, part in one["responses"].items() if "$ref" in part
    }
    for status, reference in sorted(statuses.items()):
        answer = document["components"]["responses"][reference.rpartition("/")[2]]
        yield from (f"### {status}", "", f"{answer['description']}.", "")
        for content in answer["content"].values():
            yield from ("```json", shown(content["example"]), "```", "")


if __name__ == "__main__":
    write()
