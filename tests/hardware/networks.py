"""Integer networks that tests of the hardware package share."""

from typing import Any

import numpy as np

from neuroact.hardware.network import Conv, Dense, Flatten, Integers, Network, Neurons

NEURONS = Neurons(1024, 128, 90)


def whole(*shape: int, most: int = 120, seed: int = 0) -> Integers:
    """Even weights, at least one of each sign."""
    drawn = 2 * np.random.default_rng(seed).integers(-most // 2, most // 2 + 1, shape)
    drawn.flat[:2] = (most, -most)
    return drawn.astype(np.int64)


def dense(**changes: Any) -> Network:
    """10 inputs to 6 neurons."""
    return Network((10,), (Dense(**{"weight": whole(6, 10), "neurons": NEURONS, **changes}),))


def convolution(**changes: Any) -> Network:
    """2 x 7 x 6 inputs to 4 x 4 x 6 neurons, in two groups."""
    layer = {"weight": whole(4, 1, 3, 5), "neurons": NEURONS, "stride": (2, 1), "padding": (1, 2), "groups": 2}
    return Network((2, 7, 6), (Conv(**{**layer, **changes}),))


def everything() -> Network:
    """Every kind of layer, and every part of it."""
    each = Neurons(np.arange(4) * 1000, np.array([4096, 0, 1, 7]), 131071)
    one = np.arange(5)
    return Network(
        (2, 7, 6),
        (
            Conv(whole(4, 1, 3, 5), each, (2, 1), (1, 2), (1, 1), 2, bias=np.array([-4096, 4095, 0, 3])),
            Conv(whole(3, 4, 2, 2, seed=1), NEURONS, dilation=(2, 3)),
            Flatten(),
            Dense(whole(5, 18), Neurons(one, one, 0), one - 2, np.full((5, 18), 62), whole(5, 5)),
            Dense(whole(2, 5, seed=2), NEURONS, delay=whole(2, 5) % 63),
        ),
        reset_interval=16,
    )
