import pytest

from training.pipeline.code_digest import ROOT, code_digest, with_imports

TRAINER = '''"""Trains."""
from lambda_app.model.session import Model

def train():
    """Do."""
    return 1
'''
SOURCES = {
    "training/fit.py": "from training import trainer\nimport numpy\n",
    "training/trainer.py": TRAINER,
    "training/report.py": "PAGE = 1\n",
    "lambda_app/model/session.py": "from training import fit\n\nModel = 1\n",
}


@pytest.fixture
def root(tmp_path):
    for name, source in SOURCES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
    return tmp_path


def test_imports_are_followed_through_both_packages_and_circular_imports(root):
    found = with_imports(root, [root / "training/fit.py"])
    assert {path.relative_to(root).as_posix() for path in found} == set(SOURCES) - {"training/report.py"}


@pytest.mark.parametrize(
    ("name", "old", "new", "same"),
    [
        ("training/trainer.py", "return 1", "return 2", False),
        ("lambda_app/model/session.py", "Model = 1", "Model = 2", False),
        ("training/fit.py", "import numpy", "import scipy", False),
        ("training/report.py", "PAGE = 1", "PAGE = 2", True),
        ("training/trainer.py", "return 1", "return 1  # one", True),
        ("training/trainer.py", "Do.", "Do it.", True),
        ("training/trainer.py", "Trains.", "Trains a network.", True),
    ],
)
def test_the_digest_depends_only_on_the_code_of_imported_modules(root, name, old, new, same):
    before = code_digest(root / "training/fit.py", root)
    (root / name).write_text(SOURCES[name].replace(old, new))
    assert (code_digest(root / "training/fit.py", root) == before) is same


def test_the_imports_of_the_fit_stage_are_found():
    names = {path.relative_to(ROOT).as_posix() for path in with_imports(ROOT, [ROOT / "training" / "fit" / "stage.py"])}
    assert {
        "training/fit/__init__.py",
        "training/fit/trainer.py",
        "training/fit/input/augmentation.py",
        "lambda_app/photo/rules.py",
    } <= names
    assert not names & {"training/evaluate/report/page.py", "lambda_app/api/app.py"}
