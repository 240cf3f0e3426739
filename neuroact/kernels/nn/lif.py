"""`LIF` and `PLIF`: leaky integrate-and-fire neurons as modules, over `lif_scan`."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Self

import torch
from torch import Tensor

from neuroact.kernels.backends import Backend
from neuroact.kernels.lif import lif_scan
from neuroact.kernels.nn.neuron import Neuron, decay_of_tau
from neuroact.kernels.surrogates import Surrogate


class LIF(Neuron):
    """Leaky integrate-and-fire neurons.

        h[t] = decay v[t-1] + input_scale x[t]
        s[t] = 1 if h[t] >= v_threshold else 0
        v[t] = h[t] - s[t] v_threshold                     soft reset, `v_reset=None`
        v[t] = v_reset if s[t] else h[t]                   hard reset

    `decay=1` makes integrate-and-fire neurons that do not leak.
    """

    decay: float | Tensor
    v_threshold: float | Tensor
    v_reset: float | Tensor | None
    input_scale: float | Tensor

    def __init__(
        self,
        decay: float | Tensor = 0.5,
        *,
        v_threshold: float | Tensor = 1.0,
        v_reset: float | Tensor | None = None,
        input_scale: float | Tensor = 1.0,
        learnable: Collection[str] = (),
        channels: int | None = None,
        channel_dim: int = -1,
        surrogate: Surrogate = "atan",
        alpha: float = 2.0,
        detach_reset: bool = False,
        backend: Backend | None = None,
    ) -> None:
        """Neurons that all have the same values, or each channel its own.

        - `decay` within [0, 1], `v_threshold`, `v_reset`, `input_scale`: numbers, or tensors `()` or `(channels,)`.
        - `learnable`: which of these four are parameters. With `channels`, a number becomes one value a channel.
          A learned decay is clamped to [0, 1] where it is used; `PLIF` has one that needs no clamp.
        - `channel_dim`: where channels stand in `x`: -1 for `(T, B, C)`, 2 for `(T, B, C, H, W)`.
        - `surrogate`, `alpha`, `detach_reset`, `backend`: as in `lif_scan`.

        Raises `ValueError` for values that do not fit.
        """
        super().__init__(
            {"decay": decay, "v_threshold": v_threshold, "v_reset": v_reset, "input_scale": input_scale},
            learnable=learnable, channels=channels, channel_dim=channel_dim,
            surrogate=surrogate, alpha=alpha, detach_reset=detach_reset, backend=backend,
        )  # fmt: skip

    @classmethod
    def from_tau(cls, tau: float | Tensor, **options: Any) -> Self:
        """The neurons of membrane time constant `tau`, in time steps: decay = exp(-1 / tau).

        - `options`: the other arguments of the constructor.
        """
        return cls(decay_of_tau(tau), **options)

    def forward(self, x: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Spikes and the state after them, which continues the sequence if it is given back.

        - `x`: input current `(T, ...)`.
        - `state`: membrane potential before the first step, spread over `x.shape[1:]`; zeros if None.

        Returns the spikes, of the shape and dtype of `x`, and the membrane potential `x.shape[1:]`, in float32
        (float64 for float64).

        Raises `ValueError` for shapes that do not fit, `UnavailableBackend` for a backend that cannot run.
        """
        return lif_scan(x, state, **self.values_at(x), **self.firing)


class PLIF(Neuron):
    """Parametric leaky integrate-and-fire neurons, which learn how they leak (Fang et al. 2021, eq. 10).

        decay = sigmoid(w)                                 w is learned
        h[t] = decay v[t-1] + (1 - decay) x[t]

    and then as `LIF`. The paper's 1 / tau is 1 - decay, so its w is the negative of this one.
    """

    w: Tensor
    v_threshold: float | Tensor
    v_reset: float | Tensor | None
    input_scale: float | Tensor | None

    def __init__(
        self,
        decay: float | Tensor = 0.5,
        *,
        v_threshold: float | Tensor = 1.0,
        v_reset: float | Tensor | None = None,
        input_scale: float | Tensor | None = None,
        learnable: Collection[str] = (),
        channels: int | None = None,
        channel_dim: int = -1,
        surrogate: Surrogate = "atan",
        alpha: float = 2.0,
        detach_reset: bool = False,
        backend: Backend | None = None,
    ) -> None:
        """Neurons that all learn one decay, or each channel its own.

        - `decay`: where it begins, between 0 and 1; a number, or a tensor `()` or `(channels,)`.
        - `input_scale`: None for 1 - decay, which is learned with it.
        - `learnable`: which of `v_threshold`, `v_reset` and `input_scale` are parameters too.
        - The others as in `LIF`.

        Raises `ValueError` for values that do not fit.
        """
        start = torch.as_tensor(decay, dtype=None if isinstance(decay, Tensor) else torch.float64)
        if not bool(((start > 0) & (start < 1)).all()):
            raise ValueError(f"decay must be between 0 and 1, not {decay}: no w has it as its sigmoid")
        w = torch.logit(start)
        super().__init__(
            {
                "w": w if isinstance(decay, Tensor) else w.item(), "v_threshold": v_threshold, "v_reset": v_reset,
                "input_scale": input_scale,
            },
            learnable=("w", *learnable), channels=channels, channel_dim=channel_dim,
            surrogate=surrogate, alpha=alpha, detach_reset=detach_reset, backend=backend,
        )  # fmt: skip

    @classmethod
    def from_tau(cls, tau: float | Tensor, **options: Any) -> Self:
        """The neurons whose membrane time constant begins as `tau`, in time steps: decay = exp(-1 / tau).

        - `options`: the other arguments of the constructor.
        """
        return cls(decay_of_tau(tau), **options)

    @property
    def decay(self) -> Tensor:
        """sigmoid(w), `()` or `(channels,)`."""
        return torch.sigmoid(self.w)

    def forward(self, x: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Spikes and the state after them; see `LIF.forward`."""
        values = self.values_at(x)
        w, scale = values.pop("w"), values.pop("input_scale")
        return lif_scan(
            x, state, decay=torch.sigmoid(w), input_scale=torch.sigmoid(-w) if scale is None else scale, **values,
            **self.firing,
        )  # fmt: skip
