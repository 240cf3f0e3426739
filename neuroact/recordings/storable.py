"""What a file format can hold: checked while events are written, so that no file says something else than they do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from neuroact.errors import EncodingError, NoPolarity
from neuroact.events import Events

PIECE = 1 << 17
"""Events encoded at a time, which bounds the memory that a writer takes whatever the size of the chunks."""


def storable(
    chunks: Iterable[Events], sensor_size: tuple[int, int], *, format: str, latest: int, longest_side: int
) -> Iterator[Events]:
    """The events of `chunks` in pieces, each checked on its way against what `format` can hold.

    - `latest`: the largest time, in µs; times start at 0 and never run backwards.
    - `longest_side`: the largest width and height, in pixels.

    Raises `EncodingError` at once for a sensor that is too large, and while the pieces are taken for the first event
    that does not fit; `NoPolarity` for colour and generic streams.
    """
    width, height = sensor_size
    if not (1 <= width <= longest_side and 1 <= height <= longest_side):
        raise EncodingError(f"{format} holds sensors of 1 to {longest_side} pixels a side, not {width}x{height}")
    return _pieces(chunks, sensor_size, format, latest)


def _pieces(chunks: Iterable[Events], sensor_size: tuple[int, int], format: str, latest: int) -> Iterator[Events]:
    written, clock = 0, 0
    for chunk in chunks:
        if len(chunk) and not chunk.has_polarity:
            raise NoPolarity(f"{format} holds ON and OFF events, and this stream has no polarity")
        for start in range(0, len(chunk), PIECE):
            piece = chunk[start : start + PIECE]
            _check(piece, sensor_size, format, written, clock, latest)
            yield piece
            written += len(piece)
            clock = int(piece.t[-1])


def _check(piece: Events, sensor_size: tuple[int, int], format: str, written: int, clock: int, latest: int) -> None:
    width, height = sensor_size
    t, x, y, p = piece.t, piece.x, piece.y, piece.p
    earlier = t < np.concatenate([[clock], t[:-1]])
    if (at := _first(earlier)) is not None:
        before = t[at - 1] if at else clock
        problem = f"t = {t[at]} µs is before {before} µs; {format} needs times from 0 on that do not run backwards"
    elif (at := _first(t > latest)) is not None:
        problem = f"t = {t[at]} µs; {format} holds times up to {latest} µs"
    elif (at := _first((x >= width) | (y >= height))) is not None:
        problem = f"pixel ({x[at]}, {y[at]}) is outside the {width}x{height} sensor"
    elif (at := _first(p > 1)) is not None:
        problem = f"polarity {p[at]}; only 0 and 1 exist"
    else:
        return
    raise EncodingError(f"event {written + at}: {problem}")


def _first(wrong: NDArray[np.bool_]) -> int | None:
    return int(wrong.argmax()) if wrong.any() else None
