"""Neurons whose soft reset comes a step late, as snnTorch's does by default; over `lif_scan` and `cuba_lif_scan`.

snnTorch subtracts the threshold in the step after a spike, when the leak of that step is over:

    m[t] = decay m[t-1] + I[t] - s[t-1] v_threshold        I[t] the input, or the synaptic current
    s[t] = 1 if m[t] >= v_threshold else 0

where our scans subtract it before that leak, so that decay v_threshold is what is missing in the next step. The two are
one and the same neuron on another scale. With the potential h = m + c and the threshold raised by c too,

    c = v_threshold (1 - decay) / decay                    so that decay (v_threshold + c) = v_threshold
    h[t] = decay (h[t-1] - s[t-1] (v_threshold + c)) + I[t] + (1 - decay) c

is the equation above, and it is that of our scans, given a constant beside I. How far h is above its threshold is how
far m is above its own: spikes and all gradients are the same, up to rounding. As c grows, h has fewer digits left for
m: about one bit less at decay 0.5, ten at the least decay that is allowed. The constant costs a pass over the input.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, ClassVar

from torch import Tensor

from neuroact.kernels.backends import Backend
from neuroact.kernels.cuba import cuba_lif_scan
from neuroact.kernels.lif import lif_scan
from neuroact.kernels.neurons import state_dtype
from neuroact.kernels.nn.cuba import CubaLIFState
from neuroact.kernels.nn.neuron import Neuron
from neuroact.kernels.surrogates import Surrogate

LEAST_DECAY = 2.0**-10


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
        decay: float | Tensor,
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
        decay, threshold, scale = _exact(self.values_at(x), x)
        c = threshold * (1 - decay) / decay
        m = _start(state, x)
        fired = (m >= threshold).to(m.dtype)
        spikes, v = lif_scan(
            scale * x.to(m.dtype) + (1 - decay) * c, m + c - fired * (threshold + c),
            decay=decay, v_threshold=threshold + c, **self.firing,
        )  # fmt: skip
        return spikes.to(x.dtype), v + _last(spikes, fired) * (threshold + c) - c


class DelayedResetCubaLIF(Neuron):
    """Current-based leaky integrate-and-fire neurons with a soft reset in the step after the spike.

        u[t] = current_decay u[t-1] + input_scale x[t]
        m[t] = decay m[t-1] + u[t] - s[t-1] v_threshold
        s[t] = 1 if m[t] >= v_threshold else 0

    The reset passes on no gradient. snnTorch's `Synaptic`, but for spikes where m[t] equals the threshold.
    """

    decays: ClassVar[Mapping[str, float]] = {"current_decay": 0.0, "decay": LEAST_DECAY}
    current_decay: float | Tensor
    decay: float | Tensor
    v_threshold: float | Tensor
    input_scale: float | Tensor

    def __init__(
        self,
        current_decay: float | Tensor,
        decay: float | Tensor,
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

        - `current_decay`: within [0, 1].
        - `decay`: within [2^-10, 1].
        - `learnable`: which of these two, `v_threshold` and `input_scale` are parameters.
        - The others as in `LIF`.

        Raises `ValueError` for values that do not fit.
        """
        super().__init__(
            {"current_decay": current_decay, "decay": decay, "v_threshold": v_threshold, "input_scale": input_scale},
            learnable=learnable, channels=channels, channel_dim=channel_dim,
            surrogate=surrogate, alpha=alpha, detach_reset=True, backend=backend,
        )  # fmt: skip

    def forward(self, x: Tensor, state: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, CubaLIFState]:
        """Spikes and the state after them, which continues the sequence if it is given back.

        - `x`: input to the synapses `(T, ...)`.
        - `state`: u and m before the first step, spread over `x.shape[1:]`; zeros if None.

        Returns the spikes, of the shape and dtype of `x`, and u and m after the last step, `x.shape[1:]`, in float32
        (float64 for float64): the last spikes are not yet subtracted.

        Raises `ValueError` for shapes that do not fit, `UnavailableBackend` for a backend that cannot run.
        """
        current_decay, decay, threshold, scale = _exact(self.values_at(x), x)
        c = threshold * (1 - decay) / decay
        constant = (1 - decay) * c  # what u is raised by, for I is u here
        u, m = (_start(given, x) for given in state or (None, None))
        fired = (m >= threshold).to(m.dtype)
        spikes, u_last, v = cuba_lif_scan(
            scale * x.to(m.dtype) + (1 - current_decay) * constant, u + constant, m + c - fired * (threshold + c),
            current_decay=current_decay, decay=decay, v_threshold=threshold + c, **self.firing,
        )  # fmt: skip
        m_last = v + _last(spikes, fired) * (threshold + c) - c
        return spikes.to(x.dtype), CubaLIFState(u_last - constant, m_last)


def _exact(values: Mapping[str, Any], x: Tensor) -> list[Any]:
    """Values in the precision of the state, so that what is derived from them is not rounded to a lower one."""
    dtype = state_dtype(x)
    return [value.to(dtype) if isinstance(value, Tensor) else value for value in values.values()]


def _start(given: Tensor | None, x: Tensor) -> Tensor:
    dtype = state_dtype(x)
    return x.new_zeros(x.shape[1:], dtype=dtype) if given is None else given.to(dtype)


def _last(spikes: Tensor, fired: Tensor) -> Tensor:
    """The spikes of the last step, or where there was none, those of the state that was given."""
    return spikes[-1].detach() if spikes.shape[0] else fired
