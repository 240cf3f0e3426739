"""Quantities as people read them: three figures and a unit."""

from __future__ import annotations

PREFIXES = ((1e9, "G"), (1e6, "M"), (1e3, "k"))


def count(number: int) -> str:
    """`219596` as `219,596`."""
    return f"{number:,}"


def rate(events_per_second: float) -> str:
    """`24_951_142.0` as `25.0 Mev/s`."""
    return scaled(events_per_second, "ev/s")


def size(number: int) -> str:
    """`618052` bytes as `618 kB`."""
    return scaled(number, "B")


def duration(us: int) -> str:
    """`8801` µs as `8.80 ms`."""
    if us >= 100_000_000:
        minutes, seconds = divmod(us / 1e6, 60)
        return f"{minutes:.0f} min {seconds:.0f} s" if us < 1e14 else f"{us / 1e6:.3g} s"
    for factor, unit in ((1_000_000, "s"), (1_000, "ms")):
        if us >= factor:
            return f"{_three_figures(us / factor)} {unit}"
    return f"{us} µs"


def seconds(us: int) -> str:
    """A point in time, to the µs: `11718656` as `11.718656 s`."""
    whole, rest = divmod(abs(us), 1_000_000)
    return f"{'-' if us < 0 else ''}{whole}.{rest:06d} s"


def tick(value: float) -> str:
    """The label of an axis: `20000000` as `20 M`, whatever its sign."""
    value = abs(value)
    factor, prefix = next(((factor, prefix) for factor, prefix in PREFIXES if value >= factor), (1.0, ""))
    return f"{value / factor:.4g} {prefix}".strip()


def scaled(value: float, unit: str) -> str:
    """Three figures with the largest prefix that leaves at least one before the point."""
    for factor, prefix in PREFIXES:
        if value >= 0.9995 * factor:
            return f"{_three_figures(value / factor)} {prefix}{unit}"
    return f"{value:.0f} {unit}"


def _three_figures(value: float) -> str:
    decimals = 2 if value < 9.995 else 1 if value < 99.95 else 0
    return f"{value:.{decimals}f}"
