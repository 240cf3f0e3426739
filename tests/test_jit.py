"""A loop means the same compiled and as plain Python, parts of parts included."""

import numpy as np

from neuroact.jit import loop, loop_with, part, part_with


@part
def add_to(values: np.ndarray, index: int, amount: int) -> None:
    values[index] += amount


@part
def count_twice(values: np.ndarray, index: int) -> None:
    add_to(values, index, 1)
    add_to(values, index, 1)


@loop
def histogram(data: np.ndarray, bins: np.ndarray) -> int:
    for value in data:
        count_twice(bins, value)
    return data.size


def test_compiled_equals_plain() -> None:
    data = np.random.default_rng(0).integers(0, 7, 1000)
    plain, compiled = np.zeros(7, np.int64), np.zeros(7, np.int64)
    assert histogram.plain(data, plain) == histogram(data, compiled) == 1000
    assert plain.tolist() == compiled.tolist() == (2 * np.bincount(data, minlength=7)).tolist()
    assert plain.sum() == 2000


@part
def amount(value: int) -> int:
    raise NotImplementedError


@part
def itself(value: int) -> int:
    return value


@part
def square(value: int) -> int:
    return value * value


def total(data: np.ndarray) -> int:
    result = 0
    for value in data:
        result += amount(value)
    return result


def test_a_loop_with_parts_filled_in() -> None:
    data = np.arange(5)
    for filled, expected in ((itself, 10), (square, 30)):
        made = loop_with(total, "total", amount=filled)
        assert made.plain(data) == made(data) == expected


@part
def doubled(value: int) -> int:
    return 2 * amount(value)


def total_of_doubled(data: np.ndarray) -> int:
    result = 0
    for value in data:
        result += doubled(value)
    return result


def test_parts_are_filled_in_below_other_parts_too() -> None:
    data = np.arange(5)
    for filled, expected in ((itself, 20), (square, 60)):
        made = loop_with(total_of_doubled, "total_of_doubled", amount=filled)
        assert made.plain(data) == made(data) == expected


@part
def square_less(a: float, b: float) -> float:
    return a * a - b


@part_with("contract")
def fused_square_less(a: float, b: float) -> float:
    return a * a - b


@loop
def both_ways(a: float, b: float) -> tuple[float, float]:
    return square_less(a, b), fused_square_less(a, b)


def test_only_parts_with_a_freedom_round_once() -> None:
    step = 2.0**-27
    separate, fused = both_ways(1 + step, 1 + 2 * step)  # exactly step^2 apart, which rounding the square takes away
    assert separate == 0
    assert fused in (0, step * step)  # not every processor multiplies and adds at once
