"""How good predictions are: by torchmetrics where it has the measure, here where it has not.

    N samples    L classes

Three things are not torchmetrics' as they come. Its mean per class counts a class of which there is no sample, with
recall 0, as soon as one sample is taken for it: ours is over the classes that occur. It takes logits that all happen to
lie in [0, 1] for probabilities: it is given probabilities. And its bins exclude their upper end, so that a confidence
of exactly 1, which float32 gives any confident network, falls beside the last bin: it is given the number below 1.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchmetrics.functional.classification import (
    multiclass_accuracy,
    multiclass_calibration_error,
    multiclass_confusion_matrix,
)

from neuroact.training.evaluation import UNKNOWN

BINS = 15
BELOW_ONE = float(np.nextafter(np.float32(1), np.float32(0)))
MEASURES = {
    "top1": "top-1", "top5": "top-5", "mean_class": "mean per class", "calibration_error": "calibration error",
}  # fmt: skip
"""What is measured, and how it is written."""


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """Measures of N predictions, as shares from 0 to 1.

    - `top1`, `top5`: of samples whose class has the largest logit, is among the five largest. `top5` is None for five
      classes or fewer, of which it says nothing.
    - `mean_class`: recall, averaged over the classes that occur.
    - `calibration_error`: expected calibration error (Guo et al. 2017, eq. 3), 15 bins of equal width.
    - `confusion`: `(L, L)` int64, samples by true class (rows) and predicted class.
    """

    samples: int
    top1: float
    top5: float | None
    mean_class: float
    calibration_error: float
    confusion: NDArray[np.int64]

    @property
    def per_class(self) -> NDArray[np.float64]:
        """`(L,)` recall; NaN for classes that do not occur."""
        return _recall(self.confusion)

    def to_json(self) -> dict[str, object]:
        """Plain values for `json.dumps`."""
        per_class = [None if math.isnan(recall) else recall for recall in self.per_class.tolist()]
        measures = {name: getattr(self, name) for name in MEASURES}
        return {"samples": self.samples, **measures, "per_class": per_class, "confusion": self.confusion.tolist()}


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Top-1 accuracy among so many samples."""

    samples: int
    top1: float


@dataclass(frozen=True, slots=True)
class Spread:
    """Mean over runs of different seeds, and their sample standard deviation, None for a single run."""

    runs: int
    mean: float
    std: float | None

    def __str__(self) -> str:
        """In per cent, as tables have it."""
        return self.text(100, 2)

    def text(self, scale: float, places: int) -> str:
        """`MEAN ± DEVIATION`, both times `scale` and with so many decimal places; of a single run its number."""
        numbers = [self.mean] if self.std is None else [self.mean, self.std]
        return " ± ".join(f"{scale * number:.{places}f}" for number in numbers)


def score(logits: NDArray[np.float32], labels: NDArray[np.int64]) -> Scores:
    """All measures of some predictions. Samples whose class is not known (-1) are left out.

    - `logits`: `(N, L)`. `labels`: `(N,)`.

    Raises `ValueError` for shapes that do not fit, fewer than two classes, labels that are no class, logits that are
    not finite, and if there is no sample whose class is known.
    """
    given, target = _tensors(logits, labels)
    classes = given.shape[1]
    confusion = multiclass_confusion_matrix(given, target, classes).numpy()
    probabilities = given.softmax(dim=1).clamp(max=BELOW_ONE)  # (N, L)
    return Scores(
        samples=target.numel(),
        top1=_top(given, target, 1),
        top5=_top(given, target, 5) if classes > 5 else None,
        mean_class=float(np.nanmean(_recall(confusion))),
        calibration_error=float(multiclass_calibration_error(probabilities, target, classes, n_bins=BINS)),
        confusion=confusion,
    )


def per_attribute(
    logits: NDArray[np.float32], labels: NDArray[np.int64], attributes: Mapping[str, Sequence[str]]
) -> dict[str, dict[str, Accuracy]]:
    """Top-1 accuracy by attribute and value; values in alphabetical order.

    - `attributes`: from the name of an attribute to its value for each of the N samples, empty where it is not known.

    Samples without a value, or without a label, are left out. Raises `ValueError` as `score`, and if an attribute has
    another number of values than there are samples.
    """
    result: dict[str, dict[str, Accuracy]] = {}
    for attribute, values in attributes.items():
        if len(values) != labels.size:
            raise ValueError(f"{attribute} has {len(values)} values for {labels.size} samples")
        column = np.array(values, dtype=str)
        result[attribute] = {}
        for value in sorted(set(values) - {""}):
            chosen = (column == value) & (labels != UNKNOWN)  # (N,)
            if chosen.any():
                given, target = _tensors(logits[chosen], labels[chosen])
                result[attribute][value] = Accuracy(target.numel(), _top(given, target, 1))
    return result


def over_seeds(runs: Sequence[Scores]) -> dict[str, Spread]:
    """Mean and standard deviation of each measure over runs that differ in their seed; `top5` only where all have it.

    Raises `ValueError` if there is no run.
    """
    columns = {name: [getattr(run, name) for run in runs] for name in MEASURES}
    return {name: spread(values) for name, values in columns.items() if None not in values}


def written(runs: Sequence[Scores]) -> dict[str, str]:
    """`over_seeds` as text, by the measures' written names; accuracies in per cent, calibration errors as they are.

    Of a single run it is its scores. Raises `ValueError` if there is no run.
    """
    return {
        MEASURES[name]: found.text(1, 3) if name == "calibration_error" else f"{found}%"
        for name, found in over_seeds(runs).items()
    }


def spread(values: Sequence[float]) -> Spread:
    """Mean and sample standard deviation (n - 1) of one number a run. Raises `ValueError` if there is none."""
    if not values:
        raise ValueError("there is no run to take the mean of")
    return Spread(len(values), float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else None)


def _tensors(logits: NDArray[np.float32], labels: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
    """`(N, L)` float32 and `(N,)` int64 of the samples whose class is known."""
    if logits.ndim != 2 or labels.shape != logits.shape[:1]:
        raise ValueError(f"logits are (N, L) and labels (N,), not {logits.shape} and {labels.shape}")
    if logits.shape[1] < 2:
        raise ValueError(f"there must be two classes or more, not {logits.shape[1]}")
    if labels.size and not UNKNOWN <= labels.min() <= labels.max() < logits.shape[1]:
        raise ValueError(f"labels lie between {labels.min()} and {labels.max()}; there are {logits.shape[1]} classes")
    known = labels != UNKNOWN
    if not known.any():
        raise ValueError("there is no sample whose class is known")
    if not np.isfinite(logits[known]).all():
        raise ValueError("there are logits that are not finite")
    return torch.from_numpy(logits[known]).float(), torch.from_numpy(labels[known])


def _top(logits: Tensor, target: Tensor, k: int) -> float:
    return float(multiclass_accuracy(logits, target, logits.shape[1], average="micro", top_k=k))


def _recall(confusion: NDArray[np.int64]) -> NDArray[np.float64]:
    count = confusion.sum(axis=1)  # (L,)
    never = np.full(count.size, np.nan)
    return np.asarray(np.divide(confusion.diagonal(), count, out=never, where=count > 0))
