"""The messages in which ROS carries events, in the serialisations of ROS 1 and ROS 2 (CDR).

| type                                                                  | holds                                    |
|-----------------------------------------------------------------------|------------------------------------------|
| `event_camera_msgs/EventPacket`, formerly `event_array_msgs/EventArray` | what the camera sent, named by `encoding` |
| `dvs_msgs/EventArray`, `prophesee_event_msgs/EventArray`               | a list of x, y, time, polarity           |

CDR aligns every number to its own size, counted from behind the 4 bytes that say which byte order follows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

PACKETS = ("event_camera_msgs/EventPacket", "event_array_msgs/EventArray")
ARRAYS = ("dvs_msgs/EventArray", "prophesee_event_msgs/EventArray")
LONGEST_TEXT = 1 << 12

ROS1_EVENT = np.dtype([("x", "<u2"), ("y", "<u2"), ("sec", "<u4"), ("nsec", "<u4"), ("p", "u1")])
CDR_STRIDE = 16
"""Of the events after the first. Each is one u16 pair, which ends where the time of the next multiple of 4 begins."""


class BadMessage(ValueError):
    """A message that is shorter than it says, or says what cannot be."""


class Message(NamedTuple):
    """A message as a bag holds it. `type` is written as in ROS 1; `offset` is its byte, or its chunk's, if known."""

    topic: str
    type: str
    is_cdr: bool
    data: bytes
    offset: int | None


@dataclass(frozen=True, slots=True)
class EventPacket:
    """`payload` in the camera's `encoding`; `time_base` in ns."""

    sensor_size: tuple[int, int]
    time_base: int
    encoding: str
    big_endian: bool
    payload: bytes


@dataclass(frozen=True, slots=True)
class EventArray:
    """Columns of `(N,)`; t in µs."""

    sensor_size: tuple[int, int]
    t: NDArray[np.int64]
    x: NDArray[np.uint16]
    y: NDArray[np.uint16]
    p: NDArray[np.uint8]


def carries_events(type: str) -> bool:
    """Whether messages of a type (as `plain_type` gives it) hold events."""
    return type in PACKETS or type in ARRAYS


def plain_type(type: str) -> str:
    """`event_camera_msgs/msg/EventPacket` of ROS 2 as ROS 1 writes it."""
    return type.replace("/msg/", "/")


def parse(message: Message) -> EventPacket | EventArray:
    """Takes a message apart. Raises `BadMessage`."""
    fields = _Fields(message.data, message.is_cdr)
    return _packet(fields) if message.type in PACKETS else _array(fields)


class _Fields:
    """Takes fields from a serialised message, one after the other."""

    def __init__(self, data: bytes, is_cdr: bool) -> None:
        self.data = data
        self.is_cdr = is_cdr
        self.order: str = "little"
        self.position = self.origin = 0
        if is_cdr:
            kind = self.take(4)[:2]
            if kind not in (b"\0\0", b"\0\1"):
                raise BadMessage(f"a serialisation {kind.hex()} that is not plain CDR")
            self.order = "little" if kind[1] else "big"
            self.origin = 4

    def take(self, size: int) -> bytes:
        if self.position + size > len(self.data):
            raise BadMessage("a message shorter than it says")
        self.position += size
        return self.data[self.position - size : self.position]

    def uint(self, size: int) -> int:
        if self.is_cdr:
            self.position += -(self.position - self.origin) % size
        return int.from_bytes(self.take(size), "little" if self.order == "little" else "big")

    def text(self) -> str:
        size = self.uint(4)
        if size > LONGEST_TEXT:
            raise BadMessage(f"a name of {size} bytes")
        return self.take(size).rstrip(b"\0").decode("latin-1")

    def skip_header(self) -> None:
        """A stamp and the name of a frame; ROS 1 counts headers before it."""
        self.take(8 if self.is_cdr else 12)
        self.text()


def _packet(fields: _Fields) -> EventPacket:
    fields.skip_header()
    height, width = fields.uint(4), fields.uint(4)
    fields.uint(8)  # sequence number
    time_base = fields.uint(8)
    encoding = fields.text()
    big_endian = bool(fields.uint(1))
    return EventPacket((width, height), time_base, encoding, big_endian, fields.take(fields.uint(4)))


def _array(fields: _Fields) -> EventArray:
    fields.skip_header()
    height, width, count = fields.uint(4), fields.uint(4), fields.uint(4)
    if fields.is_cdr:
        events = _cdr_events(fields, count)
    else:
        events = np.frombuffer(fields.take(count * ROS1_EVENT.itemsize), ROS1_EVENT)
    t = events["sec"].astype(np.int64) * 1_000_000 + events["nsec"] // 1000
    return EventArray((width, height), t, events["x"], events["y"], events["p"])


def _cdr_events(fields: _Fields, count: int) -> NDArray[np.void]:
    """Events of x, y, sec, nsec, p, where the alignment of sec sets the first one apart from the others.

    The first has x and y in the 4 bytes before its time. From the second on they follow p, so that 2 bytes of padding
    stand between them and the time.
    """
    if count == 0:
        return np.empty(0, ROS1_EVENT)
    order = "<" if fields.order == "little" else ">"
    raw = fields.take(CDR_STRIDE * (count - 1) + 13)
    first = np.frombuffer(raw, f"{order}u2", 2)
    layout = {
        "names": ["x", "y", "sec", "nsec", "p"],
        "formats": [f"{order}u2", f"{order}u2", f"{order}u4", f"{order}u4", "u1"],
        "offsets": [0, 2, 6, 10, 14],
        "itemsize": CDR_STRIDE,
    }
    padded = b"\0\0" + raw + b"\0"
    events = np.frombuffer(padded, np.dtype(layout), count).astype(ROS1_EVENT)  # type: ignore[call-overload]
    events["x"][0], events["y"][0] = first
    return events
