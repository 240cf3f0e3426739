"""`DelayedResetLIF`: LIF neurons whose reset comes a step late, as snnTorch's does by default; over `lif_scan`.

snnTorch subtracts the threshold in the step after a spike, when the leak of that step is over:

    m[t] = decay m[t-1] + input_scale x[t] - s[t-1] v_threshold
    s[t] = 1 if m[t] >= v_threshold else 0

where `lif_scan` subtracts it before that leak, so that decay v_threshold is what is missing in the next step. The two
are one and the same neuron on another scale. With the potential h = m + c and the threshold raised by c too,

    c = v_threshold (1 - decay) / decay                    so that decay (v_threshold + c) = v_threshold
    h[t] = decay (h[t-1] - s[t-1] (v_threshold + c)) + input_scale x[t] + (1 - decay) c

is the equation above, and it is that of `lif_scan`, given a constant input beside x. How far h is above its threshold
is how far m is above its own: spikes and all gradients are the same, up to rounding. As c grows, h has fewer digits
left for m: about one bit less at decay 0.5, ten at the least decay that is allowed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from neuroact.kernels.backends import Backend
from neuroact.kernels.lif.scan import lif_scan
from neuroact.kernels.neurons import state_dtype
from neuroact.kernels.nn.neuron import Neuron
from neuroact.kernels.surrogates import Surrogate

LEAST_DECAY = 2.0**-10


def offset(decay: float | Tensor, v_threshold: float | Tensor) -> float | Tensor:
    """c, by which potential and threshold are raised."""
    return v_threshold * (1 - decay) / decay


class DelayedResetLIF(Neuron):
    """Leaky integrate-and-fire neurons with a soft reset in the step after the spike.

        m[t] = decay m[t-1] + input_scale x[t] - s[t-1] v_threshold
        s[t] = 1 if m[t] >= v_threshold else 0

    The reset passes on no gradient. snnTorch's `Leaky`, but for spikes where m[t] equals the threshold.
    """

    decays: ClassVar[Mapping[str, float]] = {"decay": LEAST_DECAY}
    decay: float | Tensor
    v_threshold: float | Tensor
    input_scale: float | Tensor

    def __init__(
        self,
        decay: float | Tensor = 0.5,
        *,
        v_threshold: float | Tensor = 1.0,
        input_scale: float | Tensor = 1.0,
        learnable: Collection[str] = (),
        channels: int | None = None,
        channel_dim: int = -1,
        surrogate: Surrogate = "atan",
        alpha: float = 2.0,
        backend: Backend | None = None,
    ) -> None:
        """Neurons that all have the same values, or each channel its own.

        - `decay`: within [2^-10, 1].
        - `learnable`: which of `decay`, `v_threshold` and `input_scale` are parameters.
        - The others as in `LIF`.

        Raises `ValueError` for values that do not fit.
        """
        super().__init__(
            {"decay": decay, "v_threshold": v_threshold, "input_scale": input_scale},
            learnable=learnable, channels=channels, channel_dim=channel_dim,
            surrogate=surrogate, alpha=alpha, detach_reset=True, backend=backend,
        )  # fmt: skip

    def forward(self, x: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Spikes and the state after them, which continues the sequence if it is given back.

        - `x`: input current `(T, ...)`.
        - `state`: m before the first step, spread over `x.shape[1:]`; zeros if None.

        Returns the spikes, of the shape and dtype of `x`, and m after the last step, `x.shape[1:]`, in float32 (float64
        for float64): with the last spikes not yet subtracted, as snnTorch returns it.

        Raises `ValueError` for shapes that do not fit, `UnavailableBackend` for a backend that cannot run.
        """
        dtype = state_dtype(x)
        decay, threshold, scale = (exact(value, dtype) for value in self.values_at(x).values())
        c = offset(decay, threshold)
        m = x.new_zeros(x.shape[1:], dtype=dtype) if state is None else state.to(dtype)
        fired = (m >= threshold).to(dtype)
        spikes, v = lif_scan(
            scale * x.to(dtype) + (1 - decay) * c, m + c - fired * (threshold + c),
            decay=decay, v_threshold=threshold + c, **self.firing,
        )  # fmt: skip
        last = spikes[-1].detach() if x.shape[0] else fired
        return spikes.to(x.dtype), v + last * (threshold + c) - c


def exact(value: Any, dtype: torch.dtype) -> Any:
    """A value in the precision of the state, so that what is derived from it is not rounded to a lower one."""
    return value.to(dtype) if isinstance(value, Tensor) else value
