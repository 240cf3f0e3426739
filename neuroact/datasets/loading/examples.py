"""Examples: samples encoded as they are asked for, from raw recordings or from a converted store, for training.

It needs no torch, and has what a PyTorch `DataLoader` asks of a map-style data set. What a sample becomes is a function
of the seed, the epoch, its index and its view alone, so neither workers nor ranks change anything.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, Unpack, cast

import numpy as np
from numpy.typing import NDArray

from neuroact.datasets.augmentations import Augmentation, CutMix, EventAugmentation, TensorAugmentation, cut_mix
from neuroact.datasets.loading.clips import UNKNOWN, Clip, Clips, Damaged, RecordingClips, StoreClips
from neuroact.datasets.loading.kept import Kept
from neuroact.datasets.loading.order import sample_generator
from neuroact.datasets.sources import Collection
from neuroact.datasets.store.request import ConvertRequest, KeepEvents, Settings
from neuroact.datasets.store.store import Store
from neuroact.encoders.configs import Encoder
from neuroact.encoders.filter_configs import FilterSettings
from neuroact.encoders.window import Window
from neuroact.errors import DatasetError
from neuroact.events import Events

Key = tuple[int, int] | tuple[int, int, int]
"""`(epoch, index)` or `(epoch, index, view)`: views of one sample in one epoch are augmented apart; the first is 0."""
NEVER_DRAWN_FROM = np.random.default_rng(0)
"""The generator of a sample in which nothing is random: making one takes longer than encoding a small recording."""


class Example(NamedTuple):
    """What a model learns from; a `DataLoader` puts both into batches.

    - `data`: a tensor as its encoder describes it.
    - `label`: index into the classes, -1 where it is not known; where samples are mixed, `(classes,)` float32 weights
      that sum to 1, as `torch.nn.CrossEntropyLoss` takes them.
    """

    data: NDArray[Any]
    label: int | NDArray[np.float32]


def load_recordings(
    collection: Collection,
    *,
    split: str | None = None,
    augment: Sequence[Augmentation] = (),
    mix: CutMix | None = None,
    seed: int = 0,
    damaged: Damaged = "raise",
    cache_bytes: int = 0,
    **settings: Unpack[Settings],
) -> Examples:
    """The windows of raw recordings, decoded and encoded as they are asked for: what `convert` would write.

    - `collection`: what `collect` found. `split`: of which the sources of that split are meant, or all.
    - `settings`: the fields of `ConvertRequest`, of which `to` must be an encoder. A window of a fixed length has each
      recording read once beforehand, to count its windows.
    - `damaged`: what a damaged recording does when it is read: `raise` an error, or `keep` what is sound of it with a
      `DamageWarning`; of an empty recording that is a sample without events. None is left out: a collection without
      it is made by leaving its source out.
    - `augment`, `mix`, `seed`, `cache_bytes`: see `Examples`.

    Raises `ValueError` for settings that contradict each other, `DatasetError` if the split has no recordings.
    """
    request = ConvertRequest.of(settings)
    if isinstance(request.to, KeepEvents):
        raise ValueError("name an encoder with to=: samples of events cannot be put into batches")
    sources = [source for source in collection.sources if split is None or source.split == split]
    if not sources:
        splits = sorted({str(source.split) for source in collection.sources})
        raise DatasetError(f"no recordings in the split {split!r}; there are {', '.join(splits)}")
    clips = RecordingClips(sources, collection.classes, request, damaged)
    return Examples(clips, request.to, augment=augment, mix=mix, seed=seed, cache_bytes=cache_bytes)


def load_store(
    store: Store,
    *,
    split: str | None = None,
    to: Encoder | None = None,
    filters: Sequence[FilterSettings] = (),
    size: tuple[int, int] | None = None,
    augment: Sequence[Augmentation] = (),
    mix: CutMix | None = None,
    seed: int = 0,
    damaged: Damaged = "raise",
    cache_bytes: int = 0,
) -> Examples:
    """The samples of a store: its tensors as they are, or its events encoded as they are asked for.

    - `split`: the samples of that split, or all.
    - `to`, `filters`, `size`: of a store of events; each sample is filtered as a stream of its own.
    - `damaged`: what recordings do that the conversion could not keep whole, and empty ones: `raise` an error at once,
      or `keep` what there is with one `DamageWarning`.
    - `augment`, `mix`, `seed`, `cache_bytes`: see `Examples`.

    Raises `ValueError` for settings that the store does not go with, `DatasetError` if the split has no samples.
    """
    clips = StoreClips(store, split, damaged, filters, size)
    if not clips.labels.size:
        splits = sorted({str(record.split) for record in store.records})
        raise DatasetError(f"{store.path} has no samples in the split {split!r}; there are {', '.join(splits)}")
    return Examples(clips, to, augment=augment, mix=mix, seed=seed, cache_bytes=cache_bytes)


class Examples:
    """Encoded, augmented samples by index; made by `load_recordings` and `load_store`.

    - `encoder`: None for clips that are tensors.
    - `augment`: applied in this order, those of events before the encoder and those of tensors after it.
    - `mix`: with another sample, drawn from all and augmented for itself, after `augment` and before the encoder.
    - `seed`: of everything random, from 0 on.
    - `cache_bytes`: keep so many bytes of samples in memory, in each process: encoded ones, or their events where these
      are augmented or mixed. On disk, `convert` does that.

    `labels` and `names` are those of all samples, `classes` the names of the classes. It may be copied to other
    processes, by fork or by pickle, and is not for several threads.

    Raises `ValueError` for augmentations that cannot be had, `DatasetError` if samples without a label were to be
    mixed.
    """

    def __init__(
        self,
        clips: Clips,
        encoder: Encoder | None,
        *,
        augment: Sequence[Augmentation] = (),
        mix: CutMix | None = None,
        seed: int = 0,
        cache_bytes: int = 0,
    ) -> None:
        self.labels = clips.labels
        self.names = clips.names
        self.classes = clips.classes
        self._clips = clips
        self._encoder = encoder
        self._of_events = [step for step in augment if isinstance(step, EventAugmentation)]
        self._of_tensors = [step for step in augment if isinstance(step, TensorAugmentation)]
        self._mix = mix
        self._draws = bool(augment) or mix is not None
        self._seed = seed
        self._epoch = 0
        varied = bool(self._of_events) or mix is not None
        self._kept_tensors = Kept[NDArray[Any]](0 if varied else cache_bytes)
        self._kept_clips = Kept[Clip](cache_bytes if varied else 0)
        if seed < 0:
            raise ValueError(f"a seed is 0 or more, not {seed}")
        if len(self._of_events) + len(self._of_tensors) < len(augment):
            raise ValueError("augment= takes augmentations of events and of tensors; CutMix goes to mix=")
        if (clips.kind == "events") != (encoder is not None):
            problem = "holds tensors already" if encoder is not None else "holds events: name an encoder with to="
            raise ValueError(f"the store {problem}")
        if varied and encoder is None:
            raise ValueError("tensors cannot be augmented as events: convert to events, and encode as you load")
        for step in self._of_events:
            if any(step.relabel(int(label)) >= len(self.classes) for label in np.unique(self.labels)):
                raise ValueError(
                    f"{type(step).__name__} gives labels beyond the {len(self.classes)} classes, 0 the first"
                )
        if mix and (self.labels == UNKNOWN).any():
            raise DatasetError("samples without a label cannot be mixed")

    def __len__(self) -> int:
        return self.labels.size

    def __getitem__(self, index: int | Key) -> Example:
        """The sample of that index, negative ones counting from the end; with a `Key`, of that epoch and view.

        Raises `IndexError`, what is wrong with a recording or a store as `RecordingError`, `EncodingError` or
        `StoreError`, and `DatasetError` if it was to be mixed with a sample of another sensor.
        """
        epoch, place, *views = index if isinstance(index, tuple) else (self._epoch, index)
        position = operator.index(place)
        position += len(self) if position < 0 else 0
        if not 0 <= position < len(self):
            raise IndexError(f"sample {place} of {len(self)}")
        rng = sample_generator(self._seed, epoch, position, *views) if self._draws else NEVER_DRAWN_FROM
        kept = self._kept_tensors.get(position)
        label: int | NDArray[np.float32] = int(self.labels[position])
        if kept is None:
            tensor, label = self._encoded(position, rng)
            self._kept_tensors.put(position, tensor.nbytes, tensor.copy)
        else:
            tensor = kept.copy()
        for step in self._of_tensors:
            tensor = step(tensor, rng)
        return Example(tensor, label)

    def __iter__(self) -> Iterator[Example]:
        return (self[index] for index in range(len(self)))

    def set_epoch(self, epoch: int) -> None:
        """Begins another epoch, from 0 on: augmentations are drawn anew.

        Workers that outlive an epoch do not hear of it: sample `(epoch, index)` instead. Raises `ValueError` if
        negative.
        """
        if epoch < 0:
            raise ValueError(f"an epoch is 0 or more, not {epoch}")
        self._epoch = epoch

    def _encoded(self, index: int, rng: np.random.Generator) -> tuple[NDArray[Any], int | NDArray[np.float32]]:
        """The tensor and the label of a sample."""
        if self._encoder is None:
            return np.asarray(self._clips.clip(index).data), int(self.labels[index])
        events, window, label = self._augmented(index, rng)
        weights = None
        if self._mix:
            events, weights = self._mixed(index, events, label, rng, self._mix)
        accumulator = self._encoder.accumulator(events.sensor_size, replace(window, events=len(events)))
        accumulator.add(events)
        return accumulator.result(), label if weights is None else weights

    def _clip(self, index: int) -> Clip:
        """A sample of events, which nothing may change."""
        kept = self._kept_clips.get(index)
        if kept is not None:
            return kept
        clip = self._clips.clip(index)
        events = cast(Events, clip.data)
        self._kept_clips.put(index, events.nbytes, lambda: Clip(Events.concatenate([events]), clip.window))
        return clip

    def _augmented(self, index: int, rng: np.random.Generator) -> tuple[Events, Window, int]:
        """The events of a sample after their augmentations, its window and its label."""
        clip, label = self._clip(index), int(self.labels[index])
        events = cast(Events, clip.data)  # what has an encoder holds events: see the constructor
        for step in self._of_events:
            events, label = step(events, label, rng)
        return events, clip.window, label

    def _mixed(
        self, index: int, events: Events, label: int, rng: np.random.Generator, mix: CutMix
    ) -> tuple[Events, NDArray[np.float32]]:
        """Events with a stretch of another sample's, and the weights of the labels."""
        weights = np.zeros(len(self.classes), np.float32)
        other_label, share = label, 0.0
        if mix.chosen(rng):
            partner = int(rng.integers(len(self)))
            other, _, other_label = self._augmented(partner, rng)
            if events.sensor_size != other.sensor_size:
                pair = (f"{self.names[at]} of {on.sensor_size}" for at, on in ((index, events), (partner, other)))
                raise DatasetError(f"{' and '.join(pair)} cannot be mixed: their sensors differ, unless size makes one")
            events, share = cut_mix(events, other, rng, mix.alpha)
        weights[label] += 1 - share
        weights[other_label] += share
        return events, weights
