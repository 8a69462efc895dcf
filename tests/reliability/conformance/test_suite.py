import pytest

from reliability.conformance.service.subject import Subject
from reliability.conformance.suite import CASES


@pytest.mark.parametrize("case", CASES)
def test_the_engine_conforms(subject: Subject, case: str):
    CASES[case](subject)
