"""The choices of README's table of callers are choices that a deployment takes."""

import re

import pytest

from cdk.context.config import Config, ConfigError
from tests.docs.markdown import ROOT, spans, table

ROWS = dict(table((ROOT / "README.md").read_text(encoding="utf-8"), "callers"))
# Valid values for what a row leaves to the reader: `...`, or a word in capitals such as YOU.
EXAMPLES = {
    "alarmEmail": "ops@shop.example",
    "firstUser": "ann@shop.example",
    "jwtIssuer": "https://login.example",
    "jwtAudience": "shop",
    "jwtClientId": "page",
    "origins": "https://shop.example",
    "operatorPrincipal": "arn:aws:iam::123456789012:root",
}


def context_of(row: str) -> dict[str, str]:
    """The context of all `-c` choices in a row, and `auth` where a row names it without `-c`.

    What auth=jwt requires is said in the first row that has it: a later row that names none of it adds to that one.
    """
    given = [found for span in spans(row) for found in re.findall(r"(?:^|-c )([a-z]\w*)=(\S+)", span)]
    context = {key: EXAMPLES[key] if re.fullmatch(r"\.\.\.|[A-Z]+", value) else value for key, value in given}
    if context.get("auth") == "jwt" and not any(key.startswith("jwt") for key in context):
        return {**context_of(next(one for one in ROWS.values() if "auth=jwt -c jwt" in one)), **context}
    return context


@pytest.mark.parametrize("callers", ROWS)
def test_the_choices_of_a_row_work_together(callers: str) -> None:
    config = Config.from_context(context_of(ROWS[callers]))
    assert f"auth={config.auth}" in ROWS[callers]


def test_choices_that_do_not_work_together_are_found() -> None:
    assert len(ROWS) >= 5
    row = "`-c auth=none`, with `-c origins=...`, and `-c budgetAction=true`"
    assert context_of(row) == {"auth": "none", "origins": "https://shop.example", "budgetAction": "true"}
    with pytest.raises(ConfigError, match="requires budget"):
        Config.from_context(context_of(row))
