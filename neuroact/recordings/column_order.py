"""Which column is which: by its name, or, in tables without names, by what it holds."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

NAMES = {
    "t": ("t", "ts", "time", "times", "timestamp", "timestamps", "t_us", "time_us", "timestamp_us", "us"),
    "x": ("x", "xs", "x_pos", "col", "column"),
    "y": ("y", "ys", "y_pos", "row"),
    "p": ("p", "ps", "pol", "polarity", "polarities", "on", "on_polarity"),
}
"""Column -> the names that writers give it, in lower case."""
ORDERS = ("txyp", "xypt", "xytp", "ptxy")
"""Orders that writers use: E2VID and v2e, Metavision, MVSEC, TUM-VIE."""


def by_name(names: Iterable[str]) -> dict[str, str] | None:
    """`t`, `x`, `y`, `p` -> the one of `names` that means it; None unless all four are there."""
    lower = {name.strip().lower(): name for name in names}
    found = {column: lower[alias] for column, aliases in NAMES.items() for alias in reversed(aliases) if alias in lower}
    return found if len(found) == len(NAMES) else None


def by_content(table: NDArray[np.floating] | NDArray[np.integer]) -> str | None:
    """The order of the columns of a `(N, 4)` table, such as `"txyp"`; None if no known order fits.

    p holds at most -1, 0 and 1, t never falls, and it alone has fractions; where nothing has, it is the column with the
    largest last value of those that never fall.
    """
    if table.ndim != 2 or table.shape[1] != 4 or not table.shape[0]:
        return None
    binary: NDArray[np.bool_] = np.all(np.isin(table, (-1, 0, 1)), axis=0)
    rising: NDArray[np.bool_] = np.all(table[1:] >= table[:-1], axis=0)
    with np.errstate(invalid="ignore"):
        fractional: NDArray[np.bool_] = np.any(table % 1 != 0, axis=0)
    if fractional.any():
        rising &= fractional
    last = np.where(rising, table[-1], -np.inf)
    for order in ORDERS:
        t, p = order.index("t"), order.index("p")
        if binary[p] and rising[t] and last[t] == last[np.arange(4) != p].max():
            return order
    return None
