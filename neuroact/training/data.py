"""What a run learns from and is validated on, and its batches in order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Sampler

from neuroact.datasets.loading import Examples, load_recordings, load_store
from neuroact.datasets.loading.clips import UNKNOWN
from neuroact.datasets.loading.examples import Key
from neuroact.datasets.loading.order import epoch_order, rank_share
from neuroact.datasets.sources import collect
from neuroact.datasets.store.layout import STORE_FILE
from neuroact.datasets.store.request import ConvertRequest
from neuroact.datasets.store.store import open_store
from neuroact.errors import DatasetError
from neuroact.training.configs import ALL, DataConfig

HOLDING_OUT = 2
"""Sets the generator of a hold-out apart from those of orders and samples, which have the same seed."""


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """The samples of one purpose: those at `positions` of `examples`.

    - `kind`: what their tensors are. `notes`: what the user should know of the data, such as what this copy lacks.
    """

    examples: Examples
    positions: NDArray[np.int64]
    kind: str
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return self.positions.size

    @property
    def names(self) -> tuple[str, ...]:
        """Of the recording that each of the samples is from."""
        return tuple(self.examples.names[index] for index in self.positions.tolist())


def load_parts(config: DataConfig, seed: int) -> tuple[Part, Part]:
    """What is learned from, augmented, and what is validated on, as it is.

    Raises `DatasetError` for a split without samples and for samples without a label, `ValueError` for settings that
    the data does not go with, and what is wrong with recordings or a store.
    """
    training, _ = _load(config, config.train, seed, augmented=True)
    validation = load_validation(config, seed)
    if config.hold_out is None:
        return training, validation
    return replace(training, positions=np.setdiff1d(training.positions, validation.positions)), validation


def load_validation(config: DataConfig, seed: int) -> Part:
    """What a run of that seed is validated on, held out or a split of its own. Raises as `load_parts` does."""
    if config.hold_out is None:
        try:
            return load_split(config, config.val, seed)
        except DatasetError as error:
            raise DatasetError(f"{error}; data.hold_out=0.1 validates on a tenth of {config.train} instead") from error
    whole, subjects = _load(config, config.train, seed, augmented=False)
    held = held_out(whole.examples.names, subjects, config.hold_out, seed)
    return replace(whole, positions=np.flatnonzero(held))


def load_split(config: DataConfig, split: str, seed: int) -> Part:
    """The samples of a split as they are, without augmentation. Raises as `load_parts` does."""
    return _load(config, split, seed, augmented=False)[0]


def held_out(names: Sequence[str], subjects: Mapping[str, str | None], share: float, seed: int) -> NDArray[np.bool_]:
    """Which samples are held out: whole subjects where two or more are known, else whole recordings, as the seed draws.

    - `names`: of the recording of each sample; `subjects`: by such a name.
    - `share`: at least so many of the samples.

    Returns `(samples,)`. Raises `DatasetError` if there are not two recordings to part.
    """
    # The parts of one recording are named PATH#1, PATH#2: they may be moments apart.
    recordings = [name.partition("#")[0] for name in names]
    groups = np.array([subjects.get(name) or recording for name, recording in zip(names, recordings, strict=True)])
    if np.unique(groups).size < 2:
        groups = np.array(recordings)  # a kitchen of N-EPIC-Kitchens is that of one person
    kinds, counts = np.unique(groups, return_counts=True)
    if kinds.size < 2:
        raise DatasetError("all samples are of one recording: there is nothing to hold out")
    drawn = np.random.default_rng((seed, HOLDING_OUT)).permutation(kinds.size)
    enough = int(np.searchsorted(np.cumsum(counts[drawn]), share * len(names))) + 1
    return np.isin(groups, kinds[drawn[: min(enough, kinds.size - 1)]])


def _load(config: DataConfig, split: str, seed: int, *, augmented: bool) -> tuple[Part, dict[str, str | None]]:
    """All samples of a split, and who is seen in each recording."""
    which = None if split == ALL else split
    augment = config.augment if augmented else ()
    mix = config.cut_mix if augmented else None
    if (Path(config.source) / STORE_FILE).is_file():
        store = open_store(config.source)
        _check_windows(config, store.request)
        examples = load_store(
            store, split=which, to=config.encoder, filters=config.filters, size=config.size, augment=augment, mix=mix,
            seed=seed, damaged=config.damaged, cache_bytes=config.cache_bytes,
        )  # fmt: skip
        kind = store.request.to.kind if config.encoder is None else config.encoder.kind
        subjects = {record.source: record.subject for record in store.records}
        notes: tuple[str, ...] = ()
    else:
        if config.encoder is None:
            raise ValueError("data.encoder is missing: recordings are learned from as tensors")
        collection = collect([config.source])
        examples = load_recordings(
            collection, split=which, augment=augment, mix=mix, seed=seed, damaged=config.damaged,
            cache_bytes=config.cache_bytes, to=config.encoder, window=config.window, stride=config.stride,
            windows=config.windows, filters=config.filters, size=config.size,
        )  # fmt: skip
        kind = config.encoder.kind
        subjects = {source.name: source.subject for source in collection.sources}
        notes = collection.notes
    if (examples.labels == UNKNOWN).any():
        first = examples.names[int(np.argmax(examples.labels == UNKNOWN))]
        raise DatasetError(f"{config.source}: {first} has no label, so nothing can be learned from it")
    return Part(examples, np.arange(len(examples)), kind, notes), subjects


def _check_windows(config: DataConfig, converted: ConvertRequest) -> None:
    """Raises `ValueError` if the settings ask for other windows than those that a store was cut into."""
    asked = ConvertRequest.of({"window": config.window, "stride": config.stride, "windows": config.windows})
    if asked.window is None and asked.windows is None:
        return
    wanted, found = ((one.window, one.stride, one.samples_per_recording) for one in (asked, converted))
    if wanted != found:
        said = " and ".join(f"data.{name}" for name in ("window", "stride", "windows") if getattr(config, name))
        raise ValueError(f"{config.source} is cut into other windows than {said} asks for: convert it with these")


class Batches(Sampler[list[Key]]):
    """Batches of `(epoch, index, view)` for one rank: a function of seed, epoch and place, so one can begin anywhere.

    - `positions`: `(samples,)` indices that an epoch goes over.
    - `batch`: samples of all ranks together. `parts`: how many batches of this sampler make one of these, for a rank.
    - `views`: of each sample; a batch has the first ones of all its samples, then the second ones in the same order.
    - `shuffle`: also leaves out what does not fill a batch; without it, every sample comes, and in each epoch the same.

    Raises `ValueError` if a batch cannot be shared evenly, or there are fewer samples than one.
    """

    def __init__(
        self,
        positions: NDArray[np.int64],
        *,
        batch: int,
        rank: int = 0,
        ranks: int = 1,
        parts: int = 1,
        views: int = 1,
        shuffle: bool = False,
        seed: int = 0,
    ) -> None:
        if batch % (ranks * parts):
            raise ValueError(f"a batch of {batch} cannot be shared evenly by {ranks} ranks, each in {parts} parts")
        if shuffle and positions.size < batch:
            raise ValueError(f"{positions.size} samples do not fill a batch of {batch}")
        self.steps = positions.size // batch
        self._positions = positions
        self._batch, self._rank, self._ranks, self._parts = batch, rank, ranks, parts
        self._views, self._shuffle, self._seed = views, shuffle, seed
        self._epoch = self._step = 0

    def begin(self, epoch: int, step: int = 0) -> None:
        """Has the next iteration begin in that epoch, at that of its `steps`."""
        self._epoch, self._step = epoch, step

    def __iter__(self) -> Iterator[list[Key]]:
        order = epoch_order(self._positions.size, seed=self._seed, epoch=self._epoch, shuffle=self._shuffle)
        mine = rank_share(
            self._positions[order], rank=self._rank, ranks=self._ranks, batch=self._batch, drop_last=self._shuffle
        )
        size = self._batch // self._ranks // self._parts
        for begin in range(self._step * self._parts * size, mine.size, size):
            indices = mine[begin : begin + size].tolist()
            yield [(self._epoch, index, view) for view in range(self._views) for index in indices]
