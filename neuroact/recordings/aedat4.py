"""AEDAT 4.0, the format of iniVation's DV: packets of events, frames, IMU samples and triggers in one file.

Time is in µs since 1970 and needs no unwrapping; row 0 is at the top. Only events are read, of the first stream that
has any. Source: docs.inivation.com, and the FlatBuffers schemas of DV.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroact.jit import always_compiled, loop
from neuroact.recordings import flatbuffers, words
from neuroact.recordings.aedat4_header import Aedat4Header, read_aedat4_header
from neuroact.recordings.aedat4_packets import DAMAGED, EVENTS, Packet, PacketWalk
from neuroact.recordings.columns import Columns
from neuroact.recordings.flatbuffers import MalformedBufferError
from neuroact.recordings.reader import Decoder, Reader, RecordingInfo, Source
from neuroact.recordings.report import Report
from neuroact.recordings.words import CLOCK, EARLIEST, TALLY, Integer, count, step_back

EVENT = np.dtype(
    {"names": ["t", "x", "y", "p"], "formats": ["<i8", "<u2", "<u2", "u1"], "offsets": [0, 8, 10, 12], "itemsize": 16}
)
COMPRESSED_EVENT = 6
"""Bytes of the file that an event takes, or a little less: 16, and LZ4 leaves half of them."""
OUTSIDE, IMPOSSIBLE = range(2)
DROPPED = ("events outside the sensor", "events with an impossible time or polarity")
"""What the entries of the kernel's tally count."""
ONE = np.uint64(1)


@loop
def copy_events(
    events: NDArray[Any], start: int, state: Any, tally: Any, width: int, height: int,
    t: NDArray[np.int64], x: NDArray[np.uint16], y: NDArray[np.uint16], p: NDArray[np.uint8], size: int,
) -> tuple[Integer, Integer]:  # fmt: skip
    """Copies `events` from `start` on to the columns, behind their first `size`, until either ends.

    `state` has the fields of `CLOCK`; `tally` notes the index of the first event dropped. Returns how far it came in
    `events`, and the columns' new size.
    """
    last = state[0]["last"]
    n = np.uint64(size)
    capacity = np.uint64(t.size)
    i = np.uint64(start)
    stop = np.uint64(events.size)
    while i < stop and n < capacity:
        now = events[i]["t"]
        column = events[i]["x"]
        row = events[i]["y"]
        polarity = events[i]["p"]
        if column >= width or row >= height:
            count(tally, OUTSIDE, 1, np.int64(i))
        elif now < 0 or polarity > 1:
            count(tally, IMPOSSIBLE, 1, np.int64(i))
        else:
            t[n] = now
            x[n] = column
            y[n] = row
            p[n] = polarity
            n += ONE
            if now < last:
                step_back(state, last - now)
            last = now
        i += ONE
    state[0]["last"] = last
    return np.int64(i), np.int64(n)


class Aedat4Reader(Reader):
    """AEDAT 4.0; `stream` is the number of the event stream that is read, or None if the header names none."""

    def __init__(self, source: Source, header: Aedat4Header) -> None:
        self.source = source
        self.header = header
        streams = [number for number, stream in header.streams.items() if stream.identifier == EVENTS.decode()]
        self.stream = streams[0] if streams else None
        self.other_streams = streams[1:]
        described = header.streams.get(self.stream) if self.stream is not None else None
        camera = described.attributes.get("source") if described else None
        names = ", ".join(f"{number} {stream.identifier}" for number, stream in header.streams.items())
        self.info = RecordingInfo(
            "aedat4", camera=camera, details={"compression": header.compression, "streams": names}
        )
        if described and described.sensor_size:
            self.settle_sensor_size(described.sensor_size, "header")

    @property
    def expected_events(self) -> int:
        return self.source.path.stat().st_size // COMPRESSED_EVENT

    def decoder(self, report: Report) -> Aedat4Decoder:
        return Aedat4Decoder(self, report)


class Aedat4Decoder(Decoder):
    """Expands packets until a block's worth of events is together, then copies them."""

    def __init__(self, reader: Aedat4Reader, report: Report) -> None:
        self._reader = reader
        self._report = report
        self._walk = PacketWalk(reader.source, reader.header, reader.stream, report)
        self._packets = iter(self._walk)
        small = self._walk.file_size < words.SMALL_FILE and not always_compiled()
        self._copy = copy_events.plain if small else copy_events
        self._state = np.zeros(1, np.dtype(CLOCK))
        self._state["last"] = EARLIEST
        self._tally = np.zeros(len(DROPPED), TALLY)
        self._room = np.empty(2 * reader.source.block_bytes, np.uint8)
        self._events: NDArray[np.void] = np.empty(0, EVENT)
        self._next = 0
        self._starts: list[int] = []
        self._offsets: list[int] = []
        if reader.other_streams:
            others = ", ".join(str(number) for number in reader.other_streams)
            report.note(f"the events of stream {reader.stream} are read; those of {others} are not")

    def fill(self, columns: Columns) -> bool:
        width, height = self._reader.bounds
        while columns.room:
            if self._next == self._events.size and not self._gather():
                self.close()
                return False
            used, size = self._copy(
                self._events, self._next, self._state, self._tally, width, height,
                columns.t, columns.x, columns.y, columns.p, columns.size,
            )  # fmt: skip
            self._report.events += int(size) - columns.size
            self._next, columns.size = int(used), int(size)
            self._tell()
        return True

    def close(self) -> None:
        self._walk.close()

    def _gather(self) -> bool:
        """Puts the events of the next packets together; False if there are none."""
        self._starts, self._offsets = [], []
        size = 0
        for packet in self._packets:
            events = self._events_of(packet)
            if not events:
                continue
            stop = size + len(events)
            if stop > self._room.size:
                self._room = np.concatenate([self._room[:size], np.empty(2 * stop - size, np.uint8)])
            self._room.data[size:stop] = events
            self._starts.append(size // EVENT.itemsize)
            self._offsets.append(packet.offset)
            size = stop
            if size >= self._reader.source.block_bytes:
                break
        self._events, self._next = self._room[:size].view(EVENT), 0
        return size > 0

    def _events_of(self, packet: Packet) -> memoryview:
        """The bytes of a packet's events; of those that stand whole in it if it is cut."""
        data = packet.data
        nothing = memoryview(b"")
        if flatbuffers.identifier(data) != EVENTS:
            if self._reader.stream is None and packet.whole:
                self._report.skip("other packets", 1, packet.offset)
            elif packet.whole:
                self._report.drop(DAMAGED, 1, packet.offset)
            return nothing
        try:
            start, events = flatbuffers.root(data).vector(0)
        except MalformedBufferError:
            if packet.whole:
                self._report.drop(DAMAGED, 1, packet.offset)
            return nothing
        there = max(0, len(data) - start) // EVENT.itemsize
        if packet.whole and events > there:
            self._report.drop(DAMAGED, 1, packet.offset)
            return nothing
        return memoryview(data)[start : start + min(events, there) * EVENT.itemsize]

    def _tell(self) -> None:
        """Brings the report up to date with the kernel's state."""
        state = self._state[0]
        self._report.backward_steps = int(state["backward"])
        self._report.largest_backward_step = int(state["largest"])
        for reason, entry in zip(DROPPED, self._tally, strict=True):
            if entry["count"]:
                packet = bisect_right(self._starts, int(entry["first"])) - 1
                self._report.drop(reason, int(entry["count"]), self._offsets[packet])
                entry["count"] = 0


def open_aedat4(source: Source) -> Aedat4Reader:
    """Opens an AEDAT 4 file. Raises `CorruptRecording` and `LimitExceeded`."""
    return Aedat4Reader(source, read_aedat4_header(source))
