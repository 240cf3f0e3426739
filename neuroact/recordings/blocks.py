"""Formats that hold events in arrays: what the arrays may hold is checked here, once for all of them."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuroact.recordings.columns import Columns
from neuroact.recordings.reader import Decoder, Reader
from neuroact.recordings.report import Report

NO_TIME = np.iinfo(np.int64).min
"""Stands for a timestamp that is no number, or none of µs in 64 bits."""
FARTHEST = 9.2e18
"""µs beyond this do not fit int64."""


class Block(NamedTuple):
    """Events in file order, as stored: any numbers, sound or not. A polarity above 0 is ON.

    - `t`: `(N,)` integers, µs; `NO_TIME` where there is none.
    - `offset`: byte of the file where the first of them stands, or None where bytes have no meaning.
    """

    t: NDArray[Any]
    x: NDArray[Any]
    y: NDArray[Any]
    p: NDArray[Any]
    offset: int | None = None


class BlockDecoder(Decoder):
    """Passes on the sound events of blocks and counts the others.

    `blocks` reports what it loses itself; it is closed with the decoder.
    """

    def __init__(self, reader: Reader, report: Report, blocks: Generator[Block, None, None]) -> None:
        self._reader = reader
        self._report = report
        self._blocks = blocks
        self._block: Block | None = None
        self._taken = 0
        self._last: int | None = None

    def fill(self, columns: Columns) -> bool:
        while columns.room:
            if self._block is None:
                stored = next(self._blocks, None)
                if stored is None:
                    return False
                self._block, self._taken = self._sound(stored), 0
            t, x, y, p, _ = self._block
            start, stop = self._taken, min(self._taken + columns.room, t.size)
            columns.append(t[start:stop], x[start:stop], y[start:stop], p[start:stop])
            self._report.events += stop - start
            self._taken = stop
            if stop == t.size:
                self._block = None
        return True

    def close(self) -> None:
        self._blocks.close()

    def _sound(self, stored: Block) -> Block:
        """The events inside the sensor that have a time, with p as bool."""
        t, x, y, p, offset = stored
        width, height = self._reader.bounds
        inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
        t, timed = _timed(t)
        self._report.drop("events outside the sensor", int(np.count_nonzero(~inside)), offset)
        self._report.drop("events without a time", int(np.count_nonzero(inside & ~timed)), offset)
        kept = inside & timed
        if not kept.all():
            t, x, y, p = t[kept], x[kept], y[kept], p[kept]
        self._watch_time(t)
        return Block(t, x, y, p > 0, offset)

    def _watch_time(self, t: NDArray[np.int64]) -> None:
        if not t.size:
            return
        report = self._report
        steps = np.diff(t, prepend=t[0] if self._last is None else self._last)
        self._last = int(t[-1])
        backward = np.count_nonzero(steps < 0)
        if backward:
            report.backward_steps += int(backward)
            report.largest_backward_step = max(report.largest_backward_step, -int(steps.min()))


def is_seconds(sample: NDArray[Any]) -> bool:
    """Whether times are seconds: floating, and some with a fraction. Whole ones are µs, whatever their type."""
    return sample.dtype.kind == "f" and bool((sample[np.isfinite(sample)] % 1 != 0).any())


def in_microseconds(stored: NDArray[Any], in_seconds: bool) -> NDArray[Any]:
    """The nearest µs to floating times; `NO_TIME` for what is not finite or too far. Integers stay as they are."""
    if stored.dtype.kind != "f":
        return stored
    unit = 1e6 if in_seconds else 1.0
    wide = stored.astype(np.float64)
    sound = np.abs(wide) < FARTHEST / unit  # False for NaN
    t: NDArray[np.int64] = np.rint(np.where(sound, wide, 0) * unit).astype(np.int64)
    t[~sound] = NO_TIME
    return t


def _timed(t: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Timestamps as int64, and which of them are one."""
    if t.dtype == np.uint64:
        return t.astype(np.int64), t <= np.uint64(np.iinfo(np.int64).max)
    t = t.astype(np.int64, copy=False)
    return t, t != NO_TIME
