"""What every format provides: a reader that knows the header, and decoders that each make one pass over the events."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from neuroact.errors import LimitExceeded
from neuroact.recordings.columns import Columns
from neuroact.recordings.limits import DEFAULT_LIMITS, Limits
from neuroact.recordings.report import Report

SensorSource = Literal["header", "camera", "data", "argument"]
SIDE_OF_UINT16 = 1 << 16
"""No coordinate reaches this: the bound while a sensor's size is still to be found from the data."""


@dataclass(frozen=True, slots=True)
class Source:
    """What a caller asks to be read, and how."""

    path: Path
    limits: Limits = DEFAULT_LIMITS
    sensor_size: tuple[int, int] | None = None
    """Overrides what the file says."""
    block_bytes: int = 1 << 19
    """How much is read at a time; what is decoded does not depend on it."""


@dataclass(frozen=True, slots=True)
class RecordingInfo:
    """What is known of a recording before its events are read.

    - `format`: name of the format, such as `evt3`.
    - `camera`: as the header names it, or None.
    - `sensor_size`: `(width, height)` in pixels.
    - `sensor_from`: where the size comes from: the file's `header`, a known `camera` model, the range of the
      `data`, or the caller's `argument`.
    - `events`: the number of events that the file declares, or None.
    - `y_flipped`: the file counts rows from the bottom, and they were turned on reading.
    - `has_polarity`: False for colour and generic streams.
    - `details`: other fields of the header, as text.
    """

    format: str
    sensor_size: tuple[int, int] | None = None
    sensor_from: SensorSource = "header"
    camera: str | None = None
    events: int | None = None
    y_flipped: bool = False
    has_polarity: bool = True
    details: dict[str, str] = field(default_factory=dict)


class Decoder(ABC):
    """One pass over the events of a recording, from the first to the last."""

    @abstractmethod
    def fill(self, columns: Columns) -> bool:
        """Decodes to the end of `columns`, which has room for the reader's `margin`; some of it may stay.

        Returns False once the recording has ended, True while there may be more.
        """

    def close(self) -> None:  # noqa: B027  (most decoders hold nothing open)
        """Lets go of the file."""


class Reader(ABC):
    """A recording whose header has been read. `decoder` may be called any number of times.

    `margin` is the largest number of events that one indivisible piece of input can give; `columns` handed to a
    decoder always have at least that much room at the start.
    """

    margin: int = 1
    source: Source
    info: RecordingInfo

    @abstractmethod
    def decoder(self, report: Report) -> Decoder:
        """A new pass from the first event on, which tells `report` what it meets."""

    @property
    def expected_events(self) -> int | None:
        """About how many events there are, where that is known without reading them: memory is asked for so many."""
        return self.info.events

    @property
    def bounds(self) -> tuple[int, int]:
        """`(width, height)` that coordinates must stay below."""
        return self.info.sensor_size or (SIDE_OF_UINT16, SIDE_OF_UINT16)

    def settle_sensor_size(self, size: tuple[int, int], origin: SensorSource) -> None:
        """Fixes the sensor's size where the header does not give one. Raises `LimitExceeded`."""
        check_sensor_size(self.source, size)
        self.info = replace(self.info, sensor_size=size, sensor_from=origin)


def check_sensor_size(source: Source, size: tuple[int, int], *, offset: int | None = None) -> None:
    """Raises `LimitExceeded` if a side is below 1 or beyond the limit."""
    width, height = size
    longest = min(source.limits.sensor_side, SIDE_OF_UINT16)
    if not (1 <= width <= longest and 1 <= height <= longest):
        problem = f"a sensor of {width}x{height} pixels; sides from 1 to {longest} are accepted"
        raise LimitExceeded(source.path, problem, offset=offset)


def check_limit(source: Source, what: str, value: int, limit: int, *, offset: int | None = None) -> None:
    """Raises `LimitExceeded` if `value` is negative or beyond `limit`."""
    if not 0 <= value <= limit:
        raise LimitExceeded(source.path, f"{what} of {value}; at most {limit} is accepted", offset=offset)
