"""Measures against numbers worked out by hand, above all where torchmetrics' own would differ."""

import math

import numpy as np
import pytest

from neuroact.training.metrics import Scores, Spread, over_seeds, per_attribute, score, spread, written

A, B, C = np.eye(3, dtype=np.float32) * 4
"""Logits of samples that are taken for the first, second and third class."""


def logits_of(*rows: np.ndarray) -> np.ndarray:
    return np.stack(rows).astype(np.float32)


def test_accuracy_confusion_and_recall() -> None:
    scores = score(logits_of(A, A, B, C, C), np.array([0, 1, 1, 1, 2]))
    assert scores.samples == 5
    assert scores.top1 == pytest.approx(3 / 5)
    assert scores.top5 is None
    assert scores.confusion.tolist() == [[1, 0, 0], [1, 1, 1], [0, 0, 1]]
    np.testing.assert_allclose(scores.per_class, [1, 1 / 3, 1])
    assert scores.mean_class == pytest.approx((1 + 1 / 3 + 1) / 3)


def test_the_mean_per_class_is_over_classes_that_occur() -> None:
    """The third class has no sample, but one is taken for it; torchmetrics' macro average would be a third."""
    scores = score(logits_of(A, C), np.array([0, 1]))
    assert scores.mean_class == pytest.approx(1 / 2)
    assert math.isnan(scores.per_class[2])
    assert scores.to_json()["per_class"] == [1, 0, None]


def test_top_five() -> None:
    ranked = np.arange(8, 0, -1, dtype=np.float32)  # class 0 first, class 7 last
    scores = score(np.stack([ranked] * 4), np.array([0, 4, 5, 7]))
    assert (scores.top1, scores.top5) == (0.25, 0.5)


def with_confidence(p: float) -> np.ndarray:
    """Logits of two classes whose first has probability `p`."""
    return np.array([math.log(p / (1 - p)), 0])


def test_calibration_error() -> None:
    """Two samples in one of the 15 bins, which covers 0.6 to 2/3, one in another: 2/3 |0.625 - 1/2| + 1/3 |0.9 - 1|."""
    logits = logits_of(with_confidence(0.62), with_confidence(0.63), with_confidence(0.9))
    assert score(logits, np.array([0, 1, 0])).calibration_error == pytest.approx(2 / 3 * 0.125 + 1 / 3 * 0.1, abs=1e-6)


def test_a_confidence_of_one_is_in_the_last_bin() -> None:
    """softmax of 100 against 0 is 1 in float32: beside 0.95, which is right, the bin is |0.975 - 1/2| off."""
    logits = logits_of(with_confidence(0.95), np.array([100.0, 0]))
    assert score(logits, np.array([0, 1])).calibration_error == pytest.approx(0.475, abs=1e-5)


def test_logits_between_0_and_1_are_not_taken_for_probabilities() -> None:
    logits = logits_of(np.array([0.9, 0.1]))
    confidence = 1 / (1 + math.exp(-0.8))
    assert score(logits, np.array([0])).calibration_error == pytest.approx(1 - confidence, abs=1e-6)


def test_samples_without_a_label_are_left_out() -> None:
    with_unknown = score(logits_of(A, B, C), np.array([0, -1, 0]))
    assert (with_unknown.samples, with_unknown.top1) == (2, 0.5)
    assert with_unknown.confusion.sum() == 2


MISUSES = {
    "a label that is no class": (logits_of(A, B), np.array([0, 3]), "there are 3 classes"),
    "a label below -1": (logits_of(A, B), np.array([0, -2]), "-2"),
    "no label": (logits_of(A, B), np.array([-1, -1]), "no sample whose class is known"),
    "no sample": (np.empty((0, 3), np.float32), np.array([], np.int64), "no sample"),
    "one class": (np.ones((2, 1), np.float32), np.array([0, 0]), "two classes"),
    "other lengths": (logits_of(A, B), np.array([0]), r"\(2, 3\) and \(1,\)"),
    "not finite": (logits_of(A, B * np.float32("nan")), np.array([0, 1]), "not finite"),
}


@pytest.mark.parametrize(("logits", "labels", "message"), MISUSES.values(), ids=MISUSES)
def test_misuse(logits: np.ndarray, labels: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        score(logits, labels)


def test_accuracy_by_attribute() -> None:
    attributes = {"light": ["day", "night", "day", ""], "scene": ["x", "x", "x", "x"]}
    found = per_attribute(logits_of(A, A, B, C), np.array([0, 1, 2, 2]), attributes)
    assert list(found["light"]) == ["day", "night"]
    assert {value: (part.samples, part.top1) for value, part in found["light"].items()} == {
        "day": (2, 0.5),
        "night": (1, 0.0),
    }
    assert (found["scene"]["x"].samples, found["scene"]["x"].top1) == (4, 0.5)


def test_an_attribute_of_samples_without_a_label_is_left_out() -> None:
    found = per_attribute(logits_of(A, A), np.array([0, -1]), {"light": ["day", "night"]})
    assert list(found["light"]) == ["day"]


def test_an_attribute_needs_one_value_a_sample() -> None:
    with pytest.raises(ValueError, match="light has 1 values for 2 samples"):
        per_attribute(logits_of(A, B), np.array([0, 1]), {"light": ["day"]})


def scores(top1: float, top5: float | None = None) -> Scores:
    return Scores(10, top1, top5, 0.5, 0.1, np.zeros((2, 2), np.int64))


def test_mean_and_deviation_over_seeds() -> None:
    spreads = over_seeds([scores(0.5, 0.75), scores(0.7, 0.75)])
    assert spreads["top1"].mean == pytest.approx(0.6)
    assert spreads["top1"].std == pytest.approx(math.sqrt(0.02))  # two samples: half the squared distance
    assert spreads["top5"] == Spread(2, 0.75, 0.0)
    assert str(spreads["top1"]) == "60.00 ± 14.14"


def test_measures_as_they_are_written() -> None:
    assert written([scores(0.5, 0.75), scores(0.7, 0.75)]) == {
        "top-1": "60.00 ± 14.14%", "top-5": "75.00 ± 0.00%", "mean per class": "50.00 ± 0.00%",
        "calibration error": "0.100 ± 0.000",
    }  # fmt: skip
    assert written([scores(0.5)]) == {"top-1": "50.00%", "mean per class": "50.00%", "calibration error": "0.100"}


def test_a_single_run_has_no_deviation() -> None:
    spreads = over_seeds([scores(0.5)])
    assert spreads["top1"] == Spread(1, 0.5, None)
    assert "top5" not in spreads
    assert str(spread([0.5])) == "50.00"
    with pytest.raises(ValueError, match="no run"):
        over_seeds([])
