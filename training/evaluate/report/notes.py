"""Notes on unusual or uncertain metrics, one or two sentences each."""

from collections.abc import Iterator, Mapping
from typing import Any

from training.evaluate.report.tables import headline, spoken
from training.metrics.intervals import FEW_PHOTOS

_FEW_PHOTOS = 20
_GAP = 0.1


def notes(figures: Mapping[str, Any], run: Mapping[str, Any]) -> list[str]:
    """The notes; none if nothing is unusual.

    Args:
        figures: the content of `metrics.json`.
        run: the content of `fit.json`.
    """
    return [
        *_on_the_test(figures),
        *_on_the_model(figures),
        *_on_the_baseline(figures),
        *_on_the_unseen(figures),
        *_on_the_run(figures, run),
    ]


def _on_the_test(figures: Mapping[str, Any]) -> Iterator[str]:
    photos = figures["test"]["n"]
    if photos < FEW_PHOTOS:
        yield (
            f"The test split has only {photos} photo{'' if photos == 1 else 's'}, so all figures are uncertain. Their "
            "95 % intervals say by how much."
        )
    counts = {name: row["count"] for name, row in figures["test"]["per_category"].items()}
    if few := [f"{name} ({count})" for name, count in counts.items() if 0 < count < _FEW_PHOTOS]:
        yield (
            f"These categories have fewer than {_FEW_PHOTOS} test photos, so their figures are uncertain: "
            f"{', '.join(few)}."
        )
    if absent := [name for name, count in counts.items() if not count]:
        yield f"These categories have no test photo, so nothing is measured for them: {', '.join(absent)}."
    if figures["test"]["retrieval"]["embedding"]["recall@4"] is None:
        yield "There are no figures by product, because no test photo has another photo of its product."
    if not figures["validation"]["n"]:
        yield "There are no validation photos, so no temperature is fitted: the probabilities are not calibrated."


def _on_the_model(figures: Mapping[str, Any]) -> Iterator[str]:
    test, leads = figures["test"], figures["leads"]
    measure = headline(test["retrieval"])
    for name, lead in leads.items():
        found = lead[measure]
        if found["interval"] is not None and found["interval"][1] < 0:
            yield (
                f"Ranking by {spoken(name)} is better than ranking by the embedding: {spoken(measure)} is "
                f"{-100 * found['difference']:.1f} percentage points higher."
            )
    if test["ece"] is not None and test["ece"] > test["ece_uncalibrated"]:
        yield (
            "The temperature was fitted on the validation photos. It does not lower the calibration error of the test "
            "photos."
        )


def _on_the_baseline(figures: Mapping[str, Any]) -> Iterator[str]:
    baseline = figures["baseline"]
    if baseline["reason"] is not None:
        return
    scores, kept = baseline["scores"], baseline["kept"]
    if baseline.get("diverged") is not None:
        yield (
            f"Fine-tuning ended early: {baseline['diverged']}. The release holds "
            + ("the heads on frozen features." if kept == "frozen" else "the best epoch until then.")
        )
    elif kept == "frozen" and scores["fine_tuned"] is not None:
        yield (
            f"Fine-tuning did not beat the heads on frozen features on the validation photos "
            f"({100 * scores['fine_tuned']:.1f} % against {100 * scores['frozen']:.1f} %), so the release holds those "
            "heads. A longer run or another learning rate may help."
        )
    for name in ("accuracy", headline(figures["test"]["retrieval"])):
        lead = baseline["leads"][name]
        if kept == "fine-tuned" and lead["interval"] is not None and lead["interval"][0] <= 0:
            low, high = (100 * end for end in lead["interval"])
            yield (
                "The test photos do not show that fine-tuning is better than heads on frozen features in "
                f"{spoken(name)}: the difference is {100 * lead['difference']:+.1f} percentage points, 95 % interval "
                f"{low:+.1f} to {high:+.1f}."
            )


def _on_the_unseen(figures: Mapping[str, Any]) -> Iterator[str]:
    unseen = figures["unseen"]
    if unseen["reason"] is not None:
        return
    for name in ("recall@1", "map@r"):
        lead = unseen["leads"][name]
        if lead["difference"] is not None and lead["difference"] < 0:
            low, high = (100 * end for end in lead["interval"])
            yield (
                "In categories that training has not seen, the embedding is worse than the pooled features in "
                f"{spoken(name)}: the difference is {100 * lead['difference']:+.1f} percentage points, 95 % interval "
                f"{low:+.1f} to {high:+.1f}. A larger pooled_share helps with new kinds of products."
            )


def _on_the_run(figures: Mapping[str, Any], run: Mapping[str, Any]) -> Iterator[str]:
    train, test = figures["train"]["accuracy"], figures["test"]["accuracy"]
    if train is not None and test is not None and train - test > _GAP:
        yield (
            f"Accuracy is {100 * (train - test):.0f} percentage points higher on the training photos "
            f"({100 * train:.1f} %) than on the test photos ({100 * test:.1f} %): the network overfits. More photos or "
            "stronger augmentation may help."
        )
    if run.get("few_steps"):  # a run of an older version says nothing of it
        yield run["few_steps"]
    # The last epoch of a cosine is kept unless it is clearly worse, which says nothing of a longer run.
    if run["epochs"] and run["best_epoch"] == run["epochs"] and run["settings"]["schedule"] != "cosine":
        yield "The last epoch had the best figures on the validation split, so a longer run may be better."
