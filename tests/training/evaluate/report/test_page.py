import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from lambda_app.search.vectors import unit
from training.dataset import Dataset
from training.evaluate.figures import measure
from training.evaluate.report.page import Report, write_report
from training.evaluate.report.photos import GalleryPhotos
from training.evaluate.stage import draw
from training.network.forward import Outputs
from training.prepare.settings import PrepareSettings
from training.prepare.stage import prepare

EPOCH = {"lr": 0.1, "train_loss": 2.0, "val_loss": 1.0, "val_accuracy": 0.5, "val_recall4": None}
HISTORY = [{"epoch": 1, "side": 24, **EPOCH}, {"epoch": 2, "side": 32, **EPOCH}]
RUN = {
    "settings": {"backbone": "resnet10_half", "lr": 1e-06},
    "best_epoch": 1,
    "epochs": 2,
    "seconds": 1234.5,
    "metric_labels": "category",
    "device": "cpu, 2 threads",
}
ORIGIN = {
    "dataset": "d" * 64,
    "weights": "e" * 64,
    "device": "cpu, 2 threads",
    "versions": {"torch": "2"},
    "code": {"version": "1.0", "commit": None},
}


ALTERED = {
    "as_served": 0.25,
    "found_first": 0.25,
    "recall@4": None,
    "accuracy": 0.75,
    "intervals": {"as_served": None, "found_first": [0.125, 0.5], "recall@4": None, "accuracy": [0.625, 0.875]},
}
NO_BASELINE = {"reason": "training starts from random weights", "kept": "fine-tuned", "test": None, "leads": None}
ALTERATIONS = {"n": 12, "paired": 0, "untouched": ALTERED, "quarter_turn": ALTERED}
SAME_PHOTO = {
    "version": 2,
    "threshold": 0.15,
    "chosen_on": "default",
    "pairs": 0,
    "n": 12,
    "others": 0,
    "precision": None,
    "recall": {"half_size": 0.75},
}


class _Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.text, self.sources, self.alts, self.ids, self.links, self.open = [], [], [], [], [], []
        self.captions, self.figure = [], None  # captions of charts
        self.feed(text)

    def handle_data(self, data):
        self.text.append(data)
        if "figcaption" in self.open and self.figure == "chart":
            self.captions[-1] += data

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.sources += [values[name] for name in ("src", "srcset") if name in values]
        self.ids += [values["id"]] if "id" in values else []
        self.links += [values["href"]] if "href" in values else []
        if tag == "img":
            self.alts.append(values["alt"])
        if tag not in ("img", "meta", "source"):
            self.open.append(tag)
        if tag == "figure":
            self.figure = values["class"]
        if tag == "figcaption" and self.figure == "chart":
            self.captions.append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def page_of(folder):
    return _Page((folder / "report.html").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def page(trained):
    return page_of(trained.report)


@pytest.fixture
def write(tmp_path):
    """Write the report of random answers for a dataset, with some changes to its provenance; returns its figures."""

    def make(dataset, **origin):
        rng = np.random.default_rng(0)
        n, classes = len(dataset.photos), len(dataset.categories)
        embedding = unit(rng.normal(size=(n, 6)))
        logits = rng.normal(size=(n, classes)).astype(np.float32)
        found = measure(dataset, Outputs(logits, embedding, embedding), dataset.categories)
        figures = (
            found.figures
            | {
                "same_photo": SAME_PHOTO,
                "alterations": ALTERATIONS,
                "baseline": NO_BASELINE,
                "unseen": {"reason": "no features"},
                "teacher": {"release": None},
            }
            | ORIGIN
            | origin
        )
        photos = GalleryPhotos(dataset, found.gallery)
        report = Report(figures, RUN, HISTORY, dataset.summary, draw(figures, HISTORY, 1), found.gallery, photos)
        write_report(tmp_path / "report.html", report)
        return figures

    return make


def test_the_page_is_one_file_that_loads_nothing_else(page):
    assert page.open == []
    assert page.sources
    assert all(source.startswith("data:image/") for source in page.sources)
    assert [link for link in page.links if not link.startswith("#")] == []
    assert not re.search(r"url\(|@import|https?://", "".join(page.text))


def test_the_page_says_how_surely_the_same_photo_is_recognised(write, small_dataset, tmp_path):
    write(small_dataset)
    text = " ".join(page_of(tmp_path).text)
    assert "This is the default" in text
    assert "half size 75.0 %" in " ".join(text.split())


def test_photos_are_drawn_in_a_print_of_the_whole_page(trained):
    assert 'loading="lazy"' not in (trained.report / "report.html").read_text(encoding="utf-8")


def test_the_page_says_whether_the_category_is_used(trained, page):
    weight = json.loads((trained.report / "metrics.json").read_bytes())["ranking"]["category_weight"]
    text = " ".join(" ".join(page.text).split())
    assert weight == 0
    assert "ordered by cosine; the category is not used." in text
    assert "0.0" + chr(160) + "×" not in " ".join(page.text)


def test_links_lead_to_sections_of_the_page_and_images_have_descriptions(page):
    assert {link[1:] for link in page.links} == set(page.ids)
    assert all(page.alts)


def test_the_page_shows_the_figures_and_their_provenance(page, trained):
    text = " ".join(page.text)
    figures = json.loads((trained.report / "metrics.json").read_bytes())
    test = figures["test"]
    for share in (test["accuracy"], test["top3"], test["retrieval"]["pooled"]["recall@10"]):
        assert f"{100 * share:.1f} %" in text
    for shown in (figures["weights"], figures["dataset"], "resnet10_half", f"{figures['temperature']:.3f}", "mAP@R"):
        assert shown in text
    assert all(name in text for name in figures["categories"])


def test_the_page_shows_the_search_with_altered_photos(write, small_dataset, tmp_path):
    write(small_dataset)
    cells = "|".join(" ".join(part.split()) for part in page_of(tmp_path).text)
    section = cells.rpartition("|Alterations|")[2]
    assert "n = 12 test photos" in section.replace("\xa0", " ")
    row = section.partition("|quarter turn|")[2]
    assert row.startswith("25.0 %|25.0 %|12.5–50.0|n/a|75.0 %|62.5–87.5|")


def test_every_chart_has_a_caption_in_sentences_with_the_number_of_photos(page):
    captions = [" ".join(caption.split()) for caption in page.captions]
    assert len(captions) == 7
    for caption in captions:
        assert caption[0].isupper()
        assert caption.endswith(".")
    assert len([caption for caption in captions if "n = " in caption]) == 6  # all but the learning rate


def test_the_confusion_matrix_is_explained_in_the_fields_terms(page):
    text = " ".join(page.text)
    assert "true category → predicted category" in text
    assert "perfect calibration" in text
    assert "told" not in text


def test_larger_photos_late_in_a_run_are_explained(write, small_dataset, tmp_path):
    write(small_dataset)
    text = " ".join(page_of(tmp_path).text)
    assert text.count("in epoch 2 the training photos grow from 24 to 32 pixels a side") == 2


def test_a_run_with_one_photo_size_mentions_no_growth(page):
    assert "photos grow" not in " ".join(page.text)


def test_the_page_shows_the_provenance_of_a_run(write, small_dataset, tmp_path):
    def provenance(**origin):
        write(small_dataset, **origin)
        cells = "|".join(" ".join(part.split()) for part in page_of(tmp_path).text)
        return cells.rpartition("|Provenance|")[2]

    found = provenance()
    train = f"|train: {small_dataset.summary['splits']['train']} photos of "
    for shown in ("|1,234 s on cpu, 2 threads|", "|2; the weights of epoch 1 were kept|", train, "|lookalike 1.0|"):
        assert shown in found
    assert "|lookalike 1.0, commit abc|" in provenance(code={"version": "1.0", "commit": "abc"})


def test_products_with_one_photo_have_only_category_figures(write, write_folders, tmp_path):
    names = ("hats & <caps>", "under $5", "shoes")
    data = write_folders(f"{split}/{names[i % 3]}/{i}.jpg" for split in ("train", "test") for i in range(12))
    prepare(data, tmp_path / "dataset", PrepareSettings(size=32))
    dataset = Dataset.open(tmp_path / "dataset")
    figures = write(dataset)
    for entry in figures["test"]["retrieval"].values():
        assert entry["recall@4"] is entry["map@r"] is entry["intervals"]["recall@4"] is None
        assert entry["category_precision@4"] is not None
    page = page_of(tmp_path)
    text = " ".join(page.text)
    assert "hats & <caps>" in text
    assert "only the figures by category can be measured" in text
    assert "1e-06" in text
    assert "n/a" in text
    assert not [alt for alt in page.alts if alt.startswith("same product")]
