"""Clips: the windows of recordings, or the samples of a store, one at a time and in any order, not yet encoded."""

from __future__ import annotations

import multiprocessing
import warnings
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from neuroact.cores import one_core
from neuroact.datasets.conversion.cutting import Cutting, lateness, silence
from neuroact.datasets.conversion.stream import RecordingStream
from neuroact.datasets.source import Source
from neuroact.datasets.store.manifest import Record
from neuroact.datasets.store.request import ConvertRequest, KeepEvents
from neuroact.datasets.store.store import Store
from neuroact.encoders.filter_configs import FilterSettings, filter_chain
from neuroact.encoders.resize import Resize
from neuroact.encoders.window import Window
from neuroact.errors import DatasetError, EncodingError, NeuroactError
from neuroact.events import Events
from neuroact.jit import compile_always
from neuroact.recordings import DamageWarning

Damaged = Literal["raise", "keep"]
"""What becomes of a damaged recording: an error, or what is sound of it and a `DamageWarning`."""
UNKNOWN = -1
"""The label of a recording whose class is not known."""


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """One sample before it is encoded: events and their window, or the tensor that a store already holds."""

    data: Events | NDArray[Any]
    window: Window


class Clips(Protocol):
    """Where samples come from.

    - `labels`: `(N,)` int64, `UNKNOWN` where there is none. `names`: of the recording that each sample is from.
    - `classes`: names of the classes.
    - `kind`: `events`, or what the tensors are.
    """

    labels: NDArray[np.int64]
    names: Sequence[str]
    classes: tuple[str, ...]
    kind: str

    def clip(self, index: int) -> Clip:
        """The sample of that index, from 0 on."""


class RecordingClips:
    """The windows of raw recordings, cut as `convert` cuts them.

    With windows of a fixed length, each recording is read once to count them; else none is opened before it is needed.
    Raises as `clip` does while it counts.
    """

    kind: str = "events"

    def __init__(
        self, sources: Sequence[Source], classes: tuple[str, ...], request: ConvertRequest, damaged: Damaged
    ) -> None:
        self.classes = classes
        self._sources = tuple(sources)
        self._request = request
        self._damaged = damaged
        counts = [request.samples_per_recording or self._count(source) for source in self._sources]
        self._ends = list(accumulate(counts))
        known = [UNKNOWN if source.label is None else source.label for source in self._sources]
        self.labels = np.repeat(np.array(known, np.int64), counts)
        self.names: Sequence[str] = [
            source.name for source, count in zip(self._sources, counts, strict=True) for _ in range(count)
        ]

    def clip(self, index: int) -> Clip:
        """The window of that index.

        Raises `RecordingError` and `EncodingError` for a recording of which nothing can be kept, and unless damaged
        ones are kept, for one of which anything is damaged, came too late for its window, or which is empty.
        """
        number = bisect_right(self._ends, index)
        source = self._sources[number]
        sink = OneWindow(index - (self._ends[number - 1] if number else 0))
        with self._passes(source) as (stream, cutting):
            cutting.keep(sink)
        empty = Events.empty(stream.sensor_size)
        if sink.window is None:
            return Clip(empty, Window.of(empty))
        return Clip(sink.events(empty), sink.window)

    def _count(self, source: Source) -> int:
        """How many windows a recording gives; none if it is empty."""
        with self._passes(source) as (_, cutting):
            return cutting.count()

    @contextmanager
    def _passes(self, source: Source) -> Iterator[tuple[RecordingStream, Cutting]]:
        """A recording to be passed over; whatever is wrong with it is told at the end."""
        compile_always()
        with _politely():
            stream = RecordingStream(source, self._request, lambda events: None, strict=self._damaged == "raise")
            cutting = Cutting(stream, self._request)
            yield stream, cutting
        if cutting.problem and not stream.passed:
            raise cutting.problem
        if cutting.problem:
            self._tell(cutting.problem)
        silent = silence(stream)
        for what in (silent, lateness(cutting.late) if cutting.late else None):
            if what:
                self._tell(EncodingError(f"{source.path}: {what}"))

    def _tell(self, problem: NeuroactError) -> None:
        """Raises a problem, or warns of it where damaged recordings are kept."""
        if self._damaged == "raise":
            raise problem
        warnings.warn(str(problem), DamageWarning, stacklevel=2)


class StoreClips:
    """The samples of a store, those of one split or all.

    - `filters`, `size`: applied to events as they are loaded, each sample as a stream of its own.

    Recordings that the conversion could not keep whole raise `DatasetError`; if damaged ones are kept, a
    `DamageWarning` tells how many there are.
    """

    def __init__(
        self,
        store: Store,
        split: str | None,
        damaged: Damaged,
        filters: Sequence[FilterSettings] = (),
        size: tuple[int, int] | None = None,
    ) -> None:
        self.classes = store.classes
        self.kind: str = store.request.to.kind
        self._store = store
        self._filters = tuple(filters)
        self._size = size
        if (filters or size) and not isinstance(store.request.to, KeepEvents):
            raise ValueError(f"{store.path} holds tensors of {self.kind}: filters and a size need events")
        records = [record for record in store.records if split is None or record.split == split]
        _judge(store, records, damaged)
        begins = accumulate((record.samples for record in store.records), initial=0)
        found = [
            (index, record)
            for begin, record in zip(begins, store.records, strict=False)
            if split is None or record.split == split
            for index in range(begin, begin + record.samples)
        ]
        self._rows = np.array([index for index, _ in found], np.int64)
        self.names: Sequence[str] = [record.source for _, record in found]
        self.labels = np.array([UNKNOWN if r.label is None else r.label for _, r in found], np.int64)

    def clip(self, index: int) -> Clip:
        """The sample of that index. Raises `StoreError`, and `EncodingError` for events off the sensor."""
        sample = self._store[int(self._rows[index])]
        data = sample.data
        if isinstance(data, Events):
            data = self._filtered(data)
        return Clip(data, Window(sample.start, sample.stop))

    def _filtered(self, events: Events) -> Events:
        chain = filter_chain(self._filters, events.sensor_size, lambda: [events])
        filtered = chain(events)
        return filtered if self._size is None else Resize(chain.sensor_size, self._size)(filtered)


class OneWindow:
    """Keeps the events of one window of a recording: a sink for a `Cutting`."""

    def __init__(self, wanted: int) -> None:
        self.window: Window | None = None
        self._wanted = wanted
        self._opened = self._closed = 0
        self._parts: list[Events] = []

    def open(self, window: Window | None = None) -> Parts:
        """Begins a window."""
        self._opened += 1
        return Parts(self._parts if self._opened - 1 == self._wanted else None)

    def close(self, window: Window, taken: Parts) -> None:
        """Ends the oldest open window."""
        if self._closed == self._wanted:
            self.window = window
        self._closed += 1

    def events(self, empty: Events) -> Events:
        """All of them, in file order."""
        return self._parts[0] if len(self._parts) == 1 else Events.concatenate([empty, *self._parts])


@dataclass(frozen=True, slots=True)
class Parts:
    """The events of a window piece by piece, unless they are not wanted."""

    kept: list[Events] | None

    def add(self, events: Events) -> None:
        """Takes the next events of the window."""
        if self.kept is not None:
            self.kept.append(events)


def _judge(store: Store, records: Sequence[Record], damaged: Damaged) -> None:
    """Tells of recordings that are not whole in a store, or not at all."""
    lacking = [record for record in records if not record.sound or not record.samples]
    if not lacking:
        return
    first = lacking[0]
    problem = (
        f"{store.path}: of {len(lacking)} recordings, part or all is missing; the first is {first.source} "
        f"({first.state}: {first.reason})"
    )
    if damaged == "raise":
        raise DatasetError(f"{problem}; damaged='keep' takes what there is")
    warnings.warn(problem, DamageWarning, stacklevel=4)


@contextmanager
def _politely() -> Iterator[None]:
    """A worker among several decodes on one core."""
    if multiprocessing.parent_process() is None:
        yield
        return
    with one_core():
        yield
