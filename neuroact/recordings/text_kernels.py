"""Text to events and back, byte by byte: no number ever goes through a float, so every digit of a time counts."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroact.jit import loop
from neuroact.recordings.words import CLOCK, Integer, count, step_back

OUTSIDE, MALFORMED = range(2)
"""Entries of the tally, in the order of `TextReader.dropped`."""
WHOLE, FRACTION, EXPONENT, WORD = range(4)
"""Where in a number a byte stands; WORD is `True` or `False`."""
T, X, Y, P = 1, 2, 4, 8
FITS = (2**63 - 10) // 10
"""The largest number that can take one more digit. Further digits of a fraction are too small to matter."""
TRUE = np.frombuffer(b"true\0\0", np.uint8)
FALSE = np.frombuffer(b"false\0", np.uint8)

STATE = np.dtype(
    [
        *CLOCK,
        # What the reader says of the file: the column of each value, and whether times are seconds.
        ("at_t", "i8"), ("at_x", "i8"), ("at_y", "i8"), ("at_p", "i8"), ("seconds", "i8"),
        # The line so far: where it begins, columns before this one, values found, whether it makes no sense.
        ("line", "i8"), ("column", "i8"), ("found", "i8"), ("bad", "i8"), ("comment", "i8"), ("begun", "i8"),
        ("t", "i8"), ("x", "i8"), ("y", "i8"), ("p", "i8"),
        # The number so far: digits without point or sign, and what they are to be multiplied with.
        ("inside", "i8"), ("value", "i8"), ("digits", "i8"), ("power", "i8"), ("stage", "i8"), ("minus", "i8"),
        ("exponent", "i8"), ("exponent_minus", "i8"),
        ("cut", "i8"),
    ]
)  # fmt: skip
"""`cut`: byte of a last line that ends inside a value, or 0."""


@loop
def decode_text(  # noqa: C901  (one branch per kind of byte)
    words: NDArray[np.uint8], final: bool, state: Any, tally: Any, offset: int, width: int, height: int,
    t: NDArray[np.int64], x: NDArray[np.uint16], y: NDArray[np.uint16], p: NDArray[np.uint8], size: int,
) -> tuple[Integer, Integer]:  # fmt: skip
    """See `neuroact.recordings.words.Kernel`."""
    s = state[0]
    inside, value, digits, power = int(s["inside"]), int(s["value"]), int(s["digits"]), int(s["power"])
    stage, minus, exponent, negative = int(s["stage"]), int(s["minus"]), int(s["exponent"]), int(s["exponent_minus"])
    column, found, bad, comment, begun = (
        int(s["column"]), int(s["found"]), int(s["bad"]), int(s["comment"]), int(s["begun"]),
    )  # fmt: skip
    at_t, at_x, at_y, at_p = int(s["at_t"]), int(s["at_x"]), int(s["at_y"]), int(s["at_p"])
    n = size
    i = 0
    last_byte = words.size + 1 if final and begun | words.size else words.size
    while i < last_byte and n < t.size:
        ends_file = i == words.size
        byte = 10 if ends_file else int(words[i])
        i += 1
        if 48 <= byte <= 57:
            inside = 1
            begun = 1
            if stage == EXPONENT:
                exponent = min(10 * exponent + byte - 48, 999)
            elif stage == WORD:
                bad = 1
            elif value <= FITS:
                value = 10 * value + byte - 48
                power -= stage == FRACTION
            else:
                power += stage == WHOLE
            continue
        if byte == 46 and stage == WHOLE:
            stage = FRACTION
            begun = 1
            continue
        separates = byte == 44 or byte == 32 or byte == 10 or byte == 9 or byte == 59 or byte == 13
        if not separates:
            if begun == 0 and (byte == 35 or byte == 37):
                comment = 1
            begun = 1
            if comment:
                pass
            elif stage == WORD:
                digits += 1
                bad = max(bad, int((byte | 32) != (TRUE if value else FALSE)[min(digits, 5)]))
            elif (byte == 45 or byte == 43) and not inside and stage == WHOLE and not minus:
                minus = 1 if byte == 45 else 0
            elif (byte == 45 or byte == 43) and stage == EXPONENT and exponent == 0:
                negative = 1 if byte == 45 else 0
            elif (byte == 101 or byte == 69) and inside and stage != EXPONENT:
                stage = EXPONENT
            elif not inside and (byte == 84 or byte == 116 or byte == 70 or byte == 102):
                inside = 1
                stage = WORD
                value = 1 if byte == 84 or byte == 116 else 0
            else:
                bad = 1
            continue
        if stage == WORD and digits + 1 != (4 if value else 5):
            bad = max(bad, 1)
        if inside:  # a number ends here
            if ends_file and not bad and (column == at_t or column == at_x or column == at_y):
                s["cut"] = s["line"]  # more digits might have followed
                bad = 2
            power += -exponent if negative else exponent
            if column == at_t and s["seconds"]:
                power += 6
            while power > 0 and value > 0:
                if value > FITS:
                    bad = max(bad, 1)
                    break
                value *= 10
                power -= 1
            while power < 0 and value > 0:
                value = value // 10 + (1 if power == -1 and value % 10 >= 5 else 0)
                power += 1
            if minus:
                value = -value
            if column == at_t:
                s["t"] = value
                found |= T
            elif column == at_x:
                s["x"] = value
                found |= X
            elif column == at_y:
                s["y"] = value
                found |= Y
            elif column == at_p:
                s["p"] = value
                found |= P
            column += 1
        elif stage or minus:
            bad = max(bad, 1)
        inside, value, digits, power, stage, minus, exponent, negative = 0, 0, 0, 0, 0, 0, 0, 0
        if byte != 10:
            continue
        if comment or not begun:
            pass
        elif found != T | X | Y | P or bad:
            if ends_file and bad != 1:
                s["cut"] = s["line"]
            else:
                count(tally, MALFORMED, 1, s["line"])
        elif s["x"] < 0 or s["x"] >= width or s["y"] < 0 or s["y"] >= height:
            count(tally, OUTSIDE, 1, s["line"])
        else:
            t[n] = s["t"]
            x[n] = s["x"]
            y[n] = s["y"]
            p[n] = 1 if s["p"] > 0 else 0
            n += 1
            if s["t"] < s["last"]:
                step_back(state, s["last"] - s["t"])
            s["last"] = s["t"]
        column, found, bad, comment, begun = 0, 0, 0, 0, 0
        s["line"] = offset + i
    s["inside"], s["value"], s["digits"], s["power"] = inside, value, digits, power
    s["stage"], s["minus"], s["exponent"], s["exponent_minus"] = stage, minus, exponent, negative
    s["column"], s["found"], s["bad"], s["comment"], s["begun"] = column, found, bad, comment, begun
    return min(i, words.size), n


@loop
def format_rows(
    x: NDArray[np.uint16], y: NDArray[np.uint16], p: NDArray[np.uint8], t: NDArray[np.int64], out: NDArray[np.uint8]
) -> Integer:
    """Writes rows `x,y,p,t` to `out`, which has room for `LONGEST_ROW` bytes each, and returns how many bytes."""
    n = 0
    for k in range(x.size):
        for column in range(4):
            value = np.int64(t[k])
            if column == 0:
                value = np.int64(x[k])
            elif column == 1:
                value = np.int64(y[k])
            elif column == 2:
                value = np.int64(p[k])
            if value < 0:
                out[n] = 45
                n += 1
            # Digits come from the last one on; of negative numbers too, as the smallest has no positive twin.
            stop = n + 1
            rest = value
            while rest <= -10 or rest >= 10:
                rest = rest // 10 if rest > 0 else (rest + 9) // 10
                stop += 1
            place = stop
            for _ in range(stop - n):
                place -= 1
                digit = value % 10 if value >= 0 else (10 - value % 10) % 10
                out[place] = 48 + digit
                value = value // 10 if value >= 0 else (value + digit) // 10
            out[stop] = 10 if column == 3 else 44
            n = stop + 1
    return n
