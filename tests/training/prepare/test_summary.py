from dataclasses import replace

import pytest

from training.prepare.intake.tables import Intake, ProductRow
from training.prepare.summary import Summary, kept, rejected_by_source, total_by_reason


@pytest.fixture
def intake(tmp_path):
    intake = Intake(tmp_path / "intake.sqlite")
    yield intake
    intake.close()


def test_rejected_rows_are_counted_by_kind_and_reason(intake):
    intake.rows_in.update(products=4, images=1)
    intake.add_product(ProductRow("p", "Home"))
    for number, reason in enumerate(["missing_id", "missing_id", "duplicate_row"]):
        intake.reject("products", "Products.csv", number, None, reason, "")
    intake.reject("images", "Images.csv", 1, None, "missing_id", "")
    by_source = rejected_by_source(intake)
    assert by_source == {"products": {"duplicate_row": 1, "missing_id": 2}, "images": {"missing_id": 1}}
    assert total_by_reason(by_source) == {"duplicate_row": 1, "missing_id": 3}
    assert kept(intake) == {"products": 1, "images": 0}


def test_an_uncounted_row_is_an_internal_error(intake):
    intake.rows_in["images"] = 1
    with pytest.raises(RuntimeError, match=r"1 images read, but 0 kept and \{\} rejected"):
        rejected_by_source(intake)


def test_the_printed_summary_has_every_figure(dataset):
    summary = replace(Summary(**dataset.summary), warnings=["look here"])
    text = "\n".join(summary.lines())
    assert f"kept      {summary.kept['products']} of {summary.rows_in['products']} products" in text
    assert "rejected  1 image: unreadable_photo" in text
    assert f"split     {summary.splits['test']} images of {summary.split_products['test']} products: test" in text
    assert "warning   look here" in text
