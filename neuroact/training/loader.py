"""Batches of samples, loaded by processes of their own, and what is wrong with a sample said as it is.

torch raises an error of a worker anew from the text of its traceback. An error that says what is wrong with the data
takes the place of the sample and of its batch instead, and is raised where the batch was to be used.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from typing import Any

from torch import Tensor
from torch.utils.data import DataLoader, default_collate

from neuroact.datasets.loading import Examples
from neuroact.datasets.loading.examples import Example, Key
from neuroact.errors import DatasetError, NeuroactError
from neuroact.training.data import Batches, Part

Batch = tuple[Tensor, Any]


class Loader:
    """Batches of tensors `(B, ...)` and labels, loaded by `workers` processes.

    - `keep_workers`: they live on after an epoch.
    - `pinned`: in memory that a GPU fetches from by itself.

    Iterating raises what is wrong with a sample as `Examples` does, and `DatasetError` for samples of several shapes.
    """

    def __init__(self, part: Part, batches: Batches, *, workers: int, keep_workers: bool, pinned: bool = False) -> None:
        samples: Any = _Samples(part.examples)  # has what a map-style data set needs, and is no subclass of torch's
        self._loaded: DataLoader[Batch | NeuroactError] = DataLoader(
            samples,
            batch_sampler=batches,
            num_workers=workers,
            pin_memory=pinned,
            persistent_workers=keep_workers and workers > 0,
            collate_fn=_batch,
            worker_init_fn=_outlive_sigterm if workers else None,
        )

    def __iter__(self) -> Iterator[Batch]:
        return _sound(iter(self._loaded))  # workers start here, and not with the first batch


def _sound(loaded: Iterator[Batch | NeuroactError]) -> Iterator[Batch]:
    for batch in loaded:
        if isinstance(batch, NeuroactError):
            raise batch
        yield batch


class _Samples:
    """Samples, or what is wrong with them."""

    def __init__(self, examples: Examples) -> None:
        self._examples = examples

    def __len__(self) -> int:
        return len(self._examples)

    def __getitem__(self, key: Key) -> Example | NeuroactError:
        try:
            return self._examples[key]
        except NeuroactError as error:
            return error


def _batch(samples: Sequence[Example | NeuroactError]) -> Batch | NeuroactError:
    sound: list[Example] = []
    for sample in samples:
        if isinstance(sample, NeuroactError):
            return sample
        sound.append(sample)
    shapes = sorted({sample.data.shape for sample in sound})
    if len(shapes) > 1:
        return DatasetError(
            f"samples of the shapes {' and '.join(map(str, shapes))} cannot stand in one batch; where their sensors "
            "differ, data.size=[WIDTH,HEIGHT] makes one of them"
        )
    batch: Batch = default_collate(sound)
    return batch


def _outlive_sigterm(worker: int) -> None:
    """Schedulers signal all processes of a job; those that load are still needed for the step that is under way."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
