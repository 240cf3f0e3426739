"""Spike trains against histograms of numpy."""

from typing import Any

import numpy as np
import pytest

from neuroact.encoders import SpikeTrain, Window, spike_train
from tests.encoders.streams import disordered, events_of


@pytest.mark.parametrize("steps", [1, 3, 16])
@pytest.mark.parametrize("max_spikes", [1, 2, 255])
def test_equals_a_capped_histogram(engine: str, steps: int, max_spikes: int) -> None:
    events = disordered(4_000, (6, 5))
    first, last = events.span
    counts = np.zeros((steps, 2, 5, 6), np.int64)
    np.add.at(counts, ((events.t - first) * steps // (last - first + 1), events.p, events.y, events.x), 1)
    train = spike_train(events, steps, max_spikes=max_spikes)
    assert train.dtype == np.uint8
    assert np.array_equal(train, np.minimum(counts, max_spikes))


def test_a_cell_never_overflows(engine: str) -> None:
    assert spike_train(events_of(*[(0, 3, 3, 0)] * 300), 1, max_spikes=255)[0, 0, 3, 3] == 255


@pytest.mark.parametrize("step_us", [1, 7, 10, 99, 100, 1000])
def test_steps_of_a_length(engine: str, step_us: int) -> None:
    train = SpikeTrain((7, 5), Window(50, 150), step_us=step_us, max_spikes=9)
    events = events_of(*((t, t % 7, 0, 1) for t in range(50, 150)))
    train.add(events)
    expected = np.zeros((-(-100 // step_us), 2, 5, 7), np.int64)
    np.add.at(expected, ((events.t - 50) // step_us, events.p, events.y, events.x), 1)
    assert np.array_equal(train.result(), np.minimum(expected, 9))


@pytest.mark.parametrize("delays", [(1,), (2, 5), (7, 1, 7), (8,), (100,)])
def test_delayed_copies_are_the_spikes_of_earlier_steps(delays: tuple[int, ...]) -> None:
    events = disordered(300, (6, 5))
    now = spike_train(events, 8, max_spikes=3)
    train = spike_train(events, 8, max_spikes=3, delays=delays)
    assert train.dtype == np.uint8
    assert train.shape == (8, 2 + 2 * len(delays), 5, 6)
    assert np.array_equal(train[:, :2], now)
    for copy, delay in enumerate(delays, 1):
        for step in range(8):
            expected = now[step - delay] if step >= delay else np.zeros_like(now[0])
            assert np.array_equal(train[step, 2 * copy : 2 * copy + 2], expected)
            assert expected.any() == (step >= delay)


def test_sixteen_steps_unless_told() -> None:
    assert spike_train(events_of()).shape == (16, 2, 5, 7)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"steps": 0}, "steps must be at least 1"),
        ({"step_us": 0}, "step_us must be at least 1"),
        ({"steps": 4, "step_us": 4}, "not both"),
        ({"max_spikes": 0}, "1 to 255"),
        ({"max_spikes": 256}, "1 to 255"),
        ({"delays": (3, 0)}, "delays must be at least 1"),
    ],
)
def test_wrong_arguments(arguments: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        spike_train(events_of(), **arguments)
