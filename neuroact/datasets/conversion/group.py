"""What a worker does: one group of recordings into its shards."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from neuroact.cores import one_core
from neuroact.datasets.conversion.encoding import convert_recording
from neuroact.datasets.conversion.planning import Group
from neuroact.datasets.store.manifest import Record
from neuroact.datasets.store.shards import Shards
from neuroact.jit import compile_always

WORTH_COMPILING = 1 << 18
"""Bytes of recordings in a group from which on it is quicker to load machine code, however small each of them is."""
TELL_EVERY = 0.2
"""Seconds between two messages about the same recording."""


@dataclass(frozen=True, slots=True)
class Progress:
    """A worker's message: it is at the recording of that index.

    - `events`: decoded since the message before. `finished`: recordings finished since then, 0 or 1.
    """

    recording: int
    events: int = 0
    finished: int = 0


def convert_group(group: Group, send: Callable[[Progress], None]) -> list[Record]:
    """Converts the recordings of a group one after the other; their shards are on the disk when it returns.

    Raises `StoreError` if they cannot be written.
    """
    if sum(source.size for source in group.sources) > WORTH_COMPILING:
        compile_always()
    records = []
    # As many groups are converted side by side as there are cores.
    with one_core(), Shards(group.shard, group.request) as shards:
        for index, source in enumerate(group.sources, group.first):
            if index in group.quarantined:
                records.append(Record.of(source, state="quarantined", reason=group.quarantined[index]))
                continue
            send(Progress(index))
            teller = Teller(index, send)
            records.append(convert_recording(source, index, group.request, shards, teller.tell))
            teller.finish()
    return records


class Teller:
    """Passes on how many events were decoded, not too often."""

    def __init__(self, recording: int, send: Callable[[Progress], None]) -> None:
        self._recording = recording
        self._send = send
        self._events = 0
        self._next = time.monotonic() + TELL_EVERY

    def tell(self, events: int) -> None:
        """Notes that so many events were decoded."""
        self._events += events
        if time.monotonic() >= self._next:
            self._send(Progress(self._recording, self._events))
            self._events = 0
            self._next = time.monotonic() + TELL_EVERY

    def finish(self) -> None:
        """Tells of the rest, and that the recording is finished."""
        self._send(Progress(self._recording, self._events, finished=1))
