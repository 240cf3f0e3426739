"""Quantities in three figures."""

from collections.abc import Callable

import pytest

from neuroact.viewing import quantities


@pytest.mark.parametrize(
    ("write", "value", "text"),
    [
        (quantities.count, 219_596, "219,596"),
        (quantities.rate, 24_951_142.0, "25.0 Mev/s"),
        (quantities.rate, 999.4, "999 ev/s"),
        (quantities.rate, 999.9, "1.00 kev/s"),
        (quantities.rate, 999_950.0, "1.00 Mev/s"),
        (quantities.rate, 2.5e9, "2.50 Gev/s"),
        (quantities.size, 618_052, "618 kB"),
        (quantities.duration, 0, "0 µs"),
        (quantities.duration, 999, "999 µs"),
        (quantities.duration, 8_801, "8.80 ms"),
        (quantities.duration, 50_000, "50.0 ms"),
        (quantities.duration, 99_999_999, "100 s"),
        (quantities.duration, 600_814_000, "10 min 1 s"),
        (quantities.duration, 3 * 10**18, "3e+12 s"),
        (quantities.seconds, 11_718_656, "11.718656 s"),
        (quantities.seconds, -1, "-0.000001 s"),
        (quantities.seconds, 1_605_537_493_718_345, "1605537493.718345 s"),
        (quantities.tick, 20_000_000.0, "20 M"),
        (quantities.tick, -2_500.0, "2.5 k"),
        (quantities.tick, 0.0, "0"),
    ],
)
def test_three_figures_and_a_unit(write: Callable[[float], str], value: float, text: str) -> None:
    assert write(value) == text
