"""AEDAT 4.0, the format of iniVation's DV: packets of events, frames, IMU samples and triggers in one file.

Time is in µs since 1970 and needs no unwrapping; row 0 is at the top. Only events are read, of the first stream that
has any. Source: docs.inivation.com, and the FlatBuffers schemas of DV.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroact.jit import always_compiled, loop, part
from neuroact.recordings import flatbuffers, words
from neuroact.recordings.aedat4_header import Aedat4Header, read_aedat4_header
from neuroact.recordings.aedat4_packets import DAMAGED, EVENTS, Packet, PacketWalk
from neuroact.recordings.columns import Columns
from neuroact.recordings.flatbuffers import MalformedBufferError
from neuroact.recordings.reader import Decoder, Reader, RecordingInfo, Source
from neuroact.recordings.report import Report
from neuroact.recordings.words import CLOCK, EARLIEST, GROUP, TALLY, Integer, count, step_back

EVENT = np.dtype(
    {"names": ["t", "x", "y", "p"], "formats": ["<i8", "<u2", "<u2", "u1"], "offsets": [0, 8, 10, 12], "itemsize": 16}
)
COMPRESSED_EVENT = 6
"""Bytes of the file that an event takes, or a little less: 16, and LZ4 leaves half of them."""
OUTSIDE, IMPOSSIBLE = range(2)
DROPPED = ("events outside the sensor", "events with an impossible time or polarity")
"""What the entries of the kernel's tally count."""
ONE = np.uint64(1)


@part
def is_plain_group(events: NDArray[Any], i: np.uint64, width: int, height: int) -> bool:
    """Whether the next `GROUP` events are all possible, inside the sensor and in time order."""
    odd = False
    for k in range(GROUP):
        event = events[i + np.uint64(k)]
        odd |= (event["x"] >= width) | (event["y"] >= height) | (event["p"] > 1)
    for k in range(GROUP - 1):
        odd |= events[i + np.uint64(k)]["t"] > events[i + np.uint64(k + 1)]["t"]
    return not odd


@loop
def copy_events(
    events: NDArray[Any], start: int, offset: int, state: Any, tally: Any, width: int, height: int,
    t: NDArray[np.int64], x: NDArray[np.uint16], y: NDArray[np.uint16], p: NDArray[np.uint8], size: int,
) -> tuple[Integer, Integer]:  # fmt: skip
    """Copies a packet's `events` from `start` on to the columns, behind their first `size`, until either ends.

    `offset`: where the packet stands in the file, for the tally. `state` has the fields of `CLOCK`. Returns how far it
    came in `events`, and the columns' new size. Groups of events without anything odd are copied in loops that the
    compiler turns into vector instructions.
    """
    last = state[0]["last"]
    n = np.uint64(size)
    capacity = np.uint64(t.size)
    i = np.uint64(start)
    stop = np.uint64(events.size)
    group = np.uint64(GROUP)
    while i < stop and n < capacity:
        now = events[i]["t"]
        fits = i + group <= stop and n + group <= capacity
        if fits and now >= 0 and now >= last and is_plain_group(events, i, width, height):
            for k in range(GROUP):
                event = events[i + np.uint64(k)]
                t[n + np.uint64(k)] = event["t"]
                x[n + np.uint64(k)] = event["x"]
                y[n + np.uint64(k)] = event["y"]
                p[n + np.uint64(k)] = event["p"]
            n += group
            i += group
            last = events[i - ONE]["t"]
            continue
        column = events[i]["x"]
        row = events[i]["y"]
        polarity = events[i]["p"]
        if column >= width or row >= height:
            count(tally, OUTSIDE, 1, offset)
        elif now < 0 or polarity > 1:
            count(tally, IMPOSSIBLE, 1, offset)
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
    """Copies the events of one packet after the other."""

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
        self._events: NDArray[np.void] = np.empty(0, EVENT)
        self._next = self._offset = 0
        if reader.other_streams:
            others = ", ".join(str(number) for number in reader.other_streams)
            report.note(f"the events of stream {reader.stream} are read; those of {others} are not")

    def fill(self, columns: Columns) -> bool:
        width, height = self._reader.bounds
        try:
            while columns.room:
                if self._next == self._events.size and not self._advance():
                    self.close()
                    return False
                used, size = self._copy(
                    self._events, self._next, self._offset, self._state, self._tally, width, height,
                    columns.t, columns.x, columns.y, columns.p, columns.size,
                )  # fmt: skip
                self._report.events += int(size) - columns.size
                self._next, columns.size = int(used), int(size)
        finally:
            self._tell()
        return True

    def close(self) -> None:
        self._walk.close()

    def _advance(self) -> bool:
        """Goes on to the next packet with events; False if there is none."""
        for packet in self._packets:
            self._events, self._next, self._offset = self._events_of(packet), 0, packet.offset
            if self._events.size:
                return True
        return False

    def _events_of(self, packet: Packet) -> NDArray[np.void]:
        """A packet's events; those that stand whole in it if it is cut."""
        data = packet.data
        nothing = np.empty(0, EVENT)
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
        events = min(events, there)
        return np.frombuffer(data, EVENT, events, start) if events else nothing

    def _tell(self) -> None:
        """Brings the report up to date with the kernel's state."""
        state = self._state[0]
        self._report.backward_steps = int(state["backward"])
        self._report.largest_backward_step = int(state["largest"])
        for reason, entry in zip(DROPPED, self._tally, strict=True):
            self._report.drop(reason, int(entry["count"]), int(entry["first"]))
        self._tally["count"] = 0


def open_aedat4(source: Source) -> Aedat4Reader:
    """Opens an AEDAT 4 file. Raises `CorruptRecording` and `LimitExceeded`."""
    return Aedat4Reader(source, read_aedat4_header(source))
