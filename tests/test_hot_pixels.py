"""What counts as a hot pixel."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from neuroact.hot_pixels import hot_pixel_mask


def test_a_hot_pixel_is_found_and_an_edge_is_not() -> None:
    counts = np.random.default_rng(0).poisson(3, (30, 40))
    counts[:, 20] = 200  # a moving edge passes again and again
    assert not hot_pixel_mask(counts).any()
    hot = [(4, 5), (0, 0), (29, 39), (12, 13)]
    for y, x in hot:
        counts[y, x] = 400
    assert list(zip(*np.nonzero(hot_pixel_mask(counts)), strict=True)) == sorted(hot)


def test_neighbours_that_are_both_hot_are_both_found() -> None:
    counts = np.ones((9, 9), int)
    counts[4, 4] = counts[4, 5] = 5_000
    assert hot_pixel_mask(counts).sum() == 2


@given(hnp.arrays(np.uint32, hnp.array_shapes(min_dims=2, max_dims=2, max_side=7), elements=st.integers(0, 200)))
@settings(max_examples=100, deadline=None)
def test_hot_pixels_are_as_defined(counts: np.ndarray) -> None:
    expected, clear = np.zeros((2, *counts.shape), bool)
    for y, x in np.ndindex(counts.shape):
        around = counts[max(0, y - 1) : y + 2, max(0, x - 1) : x + 2].astype(int)
        mean = (around.sum() - int(counts[y, x])) / max(1, around.size - 1)
        excess = int(counts[y, x]) - 10 - 5 * mean
        expected[y, x] = excess > 0
        clear[y, x] = abs(excess) > 1e-2  # in float32 a pixel on the very border may fall on either side
    assert np.array_equal(hot_pixel_mask(counts)[clear], expected[clear])
