"""Text to events and back, byte by byte: no number ever goes through a float, so every digit of a time counts."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroact.jit import loop, part
from neuroact.recordings.words import CLOCK, Integer, count, step_back

OUTSIDE, MALFORMED = range(2)
"""Entries of the tally, in the order of `TextReader.dropped`."""
WHOLE, FRACTION, EXPONENT, WORD, BROKEN = range(5)
"""Where in a number a byte stands; WORD is `True` or `False`, BROKEN what makes no sense."""
NO_NUMBER = -(2**63)
T, X, Y, P = 1, 2, 4, 8
FITS = (2**63 - 10) // 10
"""The largest number that can take one more digit. Further digits of a fraction are too small to matter."""
NEWLINE, COMMA, POINT, MINUS, PLUS, HASH, PERCENT = (ord(character) for character in "\n,.-+#%")
ZERO, NINE, SMALL_E, SMALL_F, SMALL_T = (ord(character) for character in "09eft")
SEPARATORS = tuple(ord(character) for character in ", \n\t;\r")
TO_SMALL = 0x20
"""The bit that makes capital letters small."""
WORDS = np.array([list(b"false\0"), list(b"true\0\0")], np.uint8)

STATE = np.dtype(
    [
        *CLOCK,
        # What the reader says of the file: the column of each value, and whether times are seconds.
        ("at_t", "i8"), ("at_x", "i8"), ("at_y", "i8"), ("at_p", "i8"), ("seconds", "i8"),
        # The line so far: where it begins, whether anything stands in it, columns before this one, values found.
        ("line", "i8"), ("begun", "i8"), ("comment", "i8"), ("bad", "i8"), ("column", "i8"), ("found", "i8"),
        ("t", "i8"), ("x", "i8"), ("y", "i8"), ("p", "i8"),
        # The number so far: digits without point or sign, and the power of ten that they are to be multiplied with.
        ("inside", "i8"), ("stage", "i8"), ("minus", "i8"), ("value", "i8"), ("power", "i8"),
        ("exponent", "i8"), ("exponent_minus", "i8"),
        ("word", "i8"), ("letter", "i8"),  # which of WORDS, and how far in it
        ("cut", "i8"),
    ]
)  # fmt: skip
"""`cut`: byte of a last line that ends inside a value, or 0."""


@part
def stage_after(s: Any, byte: int, inside: int, stage: int) -> int:
    """Takes a byte of an exponent or a word, digits aside, and returns where in the number the next one stands."""
    letter = byte | TO_SMALL
    if stage == WORD:
        s["letter"] += 1
        return WORD if letter == WORDS[s["word"], s["letter"]] else BROKEN
    if stage != BROKEN and not inside and (letter == SMALL_F or letter == SMALL_T):
        s["word"] = letter == SMALL_T
        s["letter"] = 0
        return WORD
    if stage <= FRACTION and inside and letter == SMALL_E:
        s["exponent"] = 0
        s["exponent_minus"] = 0
        return EXPONENT
    if stage == EXPONENT and s["exponent"] == 0 and (byte == MINUS or byte == PLUS):
        s["exponent_minus"] = byte == MINUS
        return EXPONENT
    return BROKEN


@part
def number(s: Any, inside: int, value: int, power: int, stage: int, minus: int) -> int:
    """The number that a separator ends, rounded half up; `NO_NUMBER` if it is none or too large."""
    if stage >= EXPONENT:
        if stage == EXPONENT:
            power += -s["exponent"] if s["exponent_minus"] else s["exponent"]
        elif stage == BROKEN or WORDS[s["word"], s["letter"] + 1] != 0:
            return NO_NUMBER
        else:
            value = s["word"]
    elif not inside:
        return NO_NUMBER
    while power > 0 and value > 0:
        if value > FITS:
            return NO_NUMBER
        value *= 10
        power -= 1
    while power < 0 and value > 0:
        value = value // 10 + (1 if power == -1 and value % 10 >= 5 else 0)
        power += 1
    return -value if minus else value


@part
def keep(s: Any, places: tuple[int, int, int, int], column: int, value: int) -> int:
    """Keeps the value of a column. Returns the flag of what it is, or 0 if events need no such column."""
    at_t, at_x, at_y, at_p = places
    if column == at_t:
        s["t"] = value
        return T
    if column == at_x:
        s["x"] = value
        return X
    if column == at_y:
        s["y"] = value
        return Y
    if column == at_p:
        s["p"] = value
        return P
    return 0


@loop
def decode_text(  # noqa: C901  (one branch per kind of byte)
    words: NDArray[np.uint8], final: bool, state: Any, tally: Any, offset: int, width: int, height: int,
    t: NDArray[np.int64], x: NDArray[np.uint16], y: NDArray[np.uint16], p: NDArray[np.uint8], size: int,
) -> tuple[Integer, Integer]:  # fmt: skip
    """See `neuroact.recordings.words.Kernel`. The bytes of a number are taken here but for exponents and words."""
    s = state[0]
    begun, comment, bad = int(s["begun"]), int(s["comment"]), int(s["bad"])
    column, found = int(s["column"]), int(s["found"])
    inside, stage, minus = int(s["inside"]), int(s["stage"]), int(s["minus"])
    value, power = int(s["value"]), int(s["power"])
    places = int(s["at_t"]), int(s["at_x"]), int(s["at_y"]), int(s["at_p"])
    seconds_at = places[0] if s["seconds"] else -1
    n = size
    i = 0
    stop = words.size + 1 if final and begun | words.size else words.size
    while i < stop and n < t.size:
        ends_file = i == words.size
        byte = NEWLINE if ends_file else int(words[i])
        i += 1
        if ZERO <= byte <= NINE:
            begun = inside = 1
            if stage == EXPONENT:
                s["exponent"] = min(10 * s["exponent"] + byte - ZERO, 999)
            elif stage == WORD:
                stage = BROKEN
            elif value <= FITS:
                value = 10 * value + byte - ZERO
                power -= stage == FRACTION
            else:
                power += stage == WHOLE
            continue
        if byte == POINT and stage == WHOLE:
            begun = 1
            stage = FRACTION
            continue
        if byte not in SEPARATORS:
            if not begun and (byte == HASH or byte == PERCENT):
                comment = 1
            begun = 1
            if (byte == MINUS or byte == PLUS) and not inside and stage == WHOLE and not minus:
                minus = 1 if byte == MINUS else 0
            else:
                stage = stage_after(s, byte, inside, stage)
            continue
        if inside or stage or minus:
            value = number(s, inside, value, power + (6 if column == seconds_at else 0), stage, minus)
            if value == NO_NUMBER:
                bad = 1
            flag = keep(s, places, column, value)
            if flag == P or not ends_file:  # else more digits might have followed
                found |= flag
            column += 1
            inside = value = power = stage = minus = 0
        if byte != NEWLINE:
            continue
        if comment or not begun:
            pass
        elif found != T | X | Y | P or bad:
            if ends_file and not bad:
                s["cut"] = s["line"]
            else:
                count(tally, MALFORMED, 1, s["line"])
        elif s["x"] < 0 or s["x"] >= width or s["y"] < 0 or s["y"] >= height:
            count(tally, OUTSIDE, 1, s["line"])
        else:
            t[n] = s["t"]
            x[n] = s["x"]
            y[n] = s["y"]
            p[n] = s["p"] > 0
            n += 1
            if s["t"] < s["last"]:
                step_back(state, s["last"] - s["t"])
            s["last"] = s["t"]
        begun = comment = bad = column = found = 0
        s["line"] = offset + i
    s["begun"], s["comment"], s["bad"], s["column"], s["found"] = begun, comment, bad, column, found
    s["inside"], s["stage"], s["minus"], s["value"], s["power"] = inside, stage, minus, value, power
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
                out[n] = MINUS
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
                out[place] = ZERO + digit
                value = value // 10 if value >= 0 else (value + digit) // 10
            out[stop] = NEWLINE if column == 3 else COMMA
            n = stop + 1
    return n
