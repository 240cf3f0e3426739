"""N-MNIST's and N-Caltech101's .bin and SLAYER's .bs2: 40 bits an event, from the top x 8, y 8, p 1, t 23. No header.

There is no sensor size in these files: unless the caller gives it, it is the range of the coordinates.

Two kinds of overflow exist. Orchard's recorder wrote a record with y = 240 that is no event but adds 2^13 µs to its own
time and to all that follow; SLAYER's files know no such record, and 240 may be a row of theirs. So 240 is a row if the
sensor has it, and where nobody says how high the sensor is, if any event lies above it. A step back of more than half
the clock's range of 8.4 s counts as an overflow in both.
Source: Orchard et al. 2015 (Read_Ndataset), SLAYER's `read2Dspikes`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroact.jit import loop
from neuroact.recordings.reader import RecordingInfo, Source
from neuroact.recordings.words import CLOCK, Integer, WordReader, count, open_binary, step_back

OUTSIDE = 0
"""Entry of the tally, in the order of `NmnistReader.dropped`."""
RECORD = 5
OVERFLOW_ROW = 240
OVERFLOW_US = 1 << 13
HALF_RANGE = 1 << 22

STATE = np.dtype([*CLOCK, ("previous", "i8"), ("shift", "i8")])


@loop
def decode_nmnist(
    words: NDArray[np.uint8], final: bool, state: Any, tally: Any, offset: int, width: int, height: int,
    t: NDArray[np.int64], x: NDArray[np.uint16], y: NDArray[np.uint16], p: NDArray[np.uint8], size: int,
) -> tuple[Integer, Integer]:  # fmt: skip
    """See `neuroact.recordings.words.Kernel`. `state.shift` is what overflows have added so far, in µs."""
    s = state[0]
    previous, shift, wraps, last = s["previous"], s["shift"], s["wraps"], s["last"]
    n = np.uint64(size)
    capacity = np.uint64(t.size)
    i = np.uint64(0)
    stop = np.uint64(words.size // RECORD * RECORD)
    while i < stop and n < capacity:
        column = np.int64(words[i])
        row = np.int64(words[i + np.uint64(1)])
        top = np.int64(words[i + np.uint64(2)])
        raw = (top & 0x7F) << 16 | np.int64(words[i + np.uint64(3)]) << 8 | np.int64(words[i + np.uint64(4)])
        if previous - raw > HALF_RANGE:
            wraps += 1
            shift += 2 * HALF_RANGE
        previous = raw
        if column < width and row < height:
            now = raw + shift
            t[n] = now
            x[n] = column
            y[n] = row
            p[n] = top >> 7
            n += np.uint64(1)
            if now < last:
                step_back(state, last - now)
            last = now
        elif row == OVERFLOW_ROW and height <= OVERFLOW_ROW:
            wraps += 1
            shift += OVERFLOW_US
        else:
            count(tally, OUTSIDE, 1, offset + np.int64(i))
        i += np.uint64(RECORD)
    s["previous"], s["shift"], s["wraps"], s["last"] = previous, shift, wraps, last
    return np.int64(i), np.int64(n)


class NmnistReader(WordReader):
    """N-MNIST, N-Caltech101, SLAYER's 2-D spikes."""

    kernel = decode_nmnist
    word = np.dtype("u1")
    event_bytes = 5
    state = STATE

    def __init__(self, source: Source) -> None:
        self.source = source
        self.payload = 0
        self.info = RecordingInfo("nmnist")
        if source.sensor_size is None:
            self.settle_sensor_size(_range_of_pixels(source), "data")

    def initial_state(self) -> NDArray[np.void]:
        return self.new_state()


def open_nmnist(source: Source) -> NmnistReader:
    """Opens a file of 5-byte events."""
    return NmnistReader(source)


def _range_of_pixels(source: Source) -> tuple[int, int]:
    """The smallest `(width, height)` that holds every event, overflow records left out; `(1, 1)` for no events."""
    width = height = width_at_240 = 1
    with open_binary(source.path) as file:
        while len(block := file.read(RECORD << 16)) >= RECORD:
            records = np.frombuffer(block, np.uint8, len(block) // RECORD * RECORD).reshape(-1, RECORD)
            columns, rows = records[:, 0], records[:, 1]
            if (doubtful := rows == OVERFLOW_ROW).any():
                width_at_240 = max(width_at_240, int(columns[doubtful].max()) + 1)
                columns, rows = columns[~doubtful], rows[~doubtful]
            width = max(width, int(columns.max(initial=0)) + 1)
            height = max(height, int(rows.max(initial=0)) + 1)
    return (max(width, width_at_240) if height > OVERFLOW_ROW else width), height
