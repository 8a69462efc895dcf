from html.parser import HTMLParser

from training.report import write_report

RETRIEVAL = {"n": 2, "recall@4": 0.5, "map@r": None}
FIGURES = {
    "test": {
        "n": 3, "accuracy": 2 / 3, "top3": 1.0, "macro_f1": 0.6, "ece": 0.1, "ece_uncalibrated": 0.2,
        "per_category": {"Home & <Garden>": {"precision": 1.0, "recall": 0.5, "f1": 2 / 3, "count": 2}},
        "retrieval": {"embedding": RETRIEVAL, "logits": RETRIEVAL, "pooled": RETRIEVAL},
    },
    "validation": {"n": 5}, "temperature": 1.25, "gallery": 40, "device": "cpu, 2 threads",
}  # fmt: skip


class _Text(HTMLParser):
    def __init__(self):
        super().__init__()
        self.text, self.images = [], []

    def handle_data(self, data):
        self.text.append(data)

    def handle_starttag(self, tag, attributes):
        if tag == "img":
            self.images.append(dict(attributes)["src"])


def test_the_page_holds_every_figure_and_picture(tmp_path):
    write_report(tmp_path / "report.html", FIGURES, [{"epoch": 1}], ["loss.png", "confusion.png"])
    page = _Text()
    page.feed((tmp_path / "report.html").read_text(encoding="utf-8"))
    text = " ".join(page.text)
    assert page.images == ["loss.png", "confusion.png"]
    assert "Home & <Garden>" in text
    for shown in ("0.667", "1.250", "n/a", "cpu, 2 threads", "1 epochs", "recall@4"):
        assert shown in text
