"""evaluate: what a model says of samples, each once, kept with their labels and the names of their recordings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

UNKNOWN = -1
"""The label of a sample whose class is not known."""


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """What a model says of N samples, of L classes each.

    - `logits`: `(N, L)` float32. `labels`: `(N,)` int64, `UNKNOWN` where the class is not known.
    - `names`: of the recording that each sample is from; N of them, or none.
    """

    logits: NDArray[np.float32]
    labels: NDArray[np.int64]
    names: tuple[str, ...] = ()

    def __len__(self) -> int:
        return self.labels.size

    @property
    def predictions(self) -> NDArray[np.int64]:
        """`(N,)`: the class of the largest logit, the first of them where several are equal."""
        return np.asarray(self.logits.argmax(axis=1))

    @property
    def probabilities(self) -> NDArray[np.float32]:
        """`(N, L)`: softmax of the logits."""
        return np.asarray(torch.from_numpy(self.logits).softmax(dim=1).numpy())

    @property
    def known(self) -> Evaluation:
        """The samples whose class is known."""
        return self._of(np.flatnonzero(self.labels != UNKNOWN))

    def by_recording(self) -> Evaluation:
        """One sample for each name, in the order of their first: the mean of the logits of all that share it.

        Papers that cut a recording into windows count either; a recording of many windows counts once here.

        Raises `ValueError` without names, or where samples of one name have different labels.
        """
        if not self.names:
            raise ValueError("samples without names cannot be put together by recording")
        groups: dict[str, list[int]] = {}
        for index, name in enumerate(self.names):
            groups.setdefault(name, []).append(index)
        mixed = [name for name, group in groups.items() if np.unique(self.labels[group]).size > 1]
        if mixed:
            raise ValueError(f"the samples of {mixed[0]} have different labels")
        firsts = self._of(np.array([group[0] for group in groups.values()]))
        means = [self.logits[group].mean(axis=0, dtype=np.float64) for group in groups.values()]  # (L,) each
        return replace(firsts, logits=np.array(means, np.float32))

    def _of(self, chosen: NDArray[np.int64]) -> Evaluation:
        names = tuple(self.names[index] for index in chosen) if self.names else ()
        return Evaluation(self.logits[chosen], self.labels[chosen], names)


def evaluate(
    model: nn.Module,
    batches: Iterable[tuple[Any, Any]],
    *,
    names: Sequence[str] = (),
    device: torch.device | str | None = None,
) -> Evaluation:
    """Runs a model over batches, in eval mode and without gradients, and leaves it in the mode that it was in.

    - `model`: maps data to logits `(B, L)`.
    - `batches`: `(data, labels)`, tensors or arrays; data `(B, ...)`, whose integers become float, labels `(B,)`.
    - `names`: of the samples in the order of the batches; the evaluation fails unless there are as many.
    - `device`: where the model is; by default where its first parameter is.

    Raises `ValueError` if there is no sample, for labels that are weights of classes (mixed samples are for training),
    for another number of samples than of names, and for logits of another shape or that are not finite.
    """
    where = _device(model) if device is None else device
    logits, labels = [], []
    with evaluating(model):
        for data, given in batches:
            label = torch.as_tensor(given)
            if label.ndim != 1 or label.is_floating_point():
                raise ValueError(f"labels are (B,) integers, not {tuple(label.shape)} of {label.dtype}")
            logits.append(_checked(model(floating(data, where)), label).float().cpu())
            labels.append(label.to("cpu", torch.int64))
    if not labels:
        raise ValueError("there is no batch to evaluate")
    every, known = torch.cat(logits), torch.cat(labels)  # (N, L), (N,)
    if names and len(names) != known.numel():
        raise ValueError(f"{known.numel()} samples were evaluated, and there are {len(names)} names")
    _check_finite(every, names)
    return Evaluation(every.numpy(), known.numpy(), tuple(names))


def joined(parts: Sequence[Evaluation], indices: Sequence[NDArray[np.int64]]) -> Evaluation:
    """Evaluations of several ranks as one, in the order of the data set.

    - `indices`: for each part, the places of its samples, as `rank_share` gives them.

    Raises `ValueError` unless the places are 0, 1, 2, ..., each once: no sample is lost and none counts twice.
    """
    if not parts or [len(part) for part in parts] != [len(places) for places in indices]:
        raise ValueError("each part needs one index for each of its samples")
    places = np.concatenate(indices)
    if not np.array_equal(np.sort(places), np.arange(places.size)):
        raise ValueError(f"the {places.size} samples of all parts are not those from 0 to {places.size - 1}, each once")
    names = tuple(name for part in parts for name in part.names)
    whole = Evaluation(
        np.concatenate([part.logits for part in parts]), np.concatenate([part.labels for part in parts]), names
    )
    return whole._of(np.argsort(places))


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Inside, a model is in eval mode and nothing has gradients; then each of its modules is in the mode that it had.

    `model.train()` would not do afterwards: it would wake the batch normalisation of a part that is kept frozen.
    """
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module, training in modes:
            module.training = training


def floating(data: Any, device: torch.device | str) -> Tensor:
    """Data as a tensor of floating-point numbers on a device; spike trains come as bytes."""
    tensor = torch.as_tensor(data).to(device, non_blocking=True)
    return tensor if tensor.is_floating_point() else tensor.to(torch.get_default_dtype())


def _device(model: nn.Module) -> torch.device:
    first = next(model.parameters(), None)
    return torch.device("cpu") if first is None else first.device


def _checked(logits: object, labels: Tensor) -> Tensor:
    if not isinstance(logits, Tensor) or logits.ndim != 2 or logits.shape[0] != labels.shape[0]:
        shape = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
        raise ValueError(f"a model gives logits (B, L), here B is {labels.shape[0]}; this one gave {shape}")
    return logits


def _check_finite(logits: Tensor, names: Sequence[str]) -> None:
    wrong = (~logits.isfinite()).any(dim=1).nonzero().flatten().tolist()
    if wrong:
        first = names[wrong[0]] if names else f"sample {wrong[0]}"
        raise ValueError(f"the logits of {len(wrong)} of {logits.shape[0]} samples are not finite, first {first}")
