"""`AdaptiveLIF`: leaky integrate-and-fire neurons of adaptive threshold as a module, over `adaptive_lif_scan`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, ClassVar, NamedTuple, Self

from torch import Tensor

from neuroact.kernels.adaptive import adaptive_lif_scan
from neuroact.kernels.backends import Backend
from neuroact.kernels.nn.neuron import Neuron, decay_of_tau
from neuroact.kernels.surrogates import Surrogate


class AdaptiveLIFState(NamedTuple):
    """What adaptive neurons carry from one step to the next; both have the shape of one step."""

    v: Tensor
    """Membrane potential."""
    a: Tensor
    """Adaptation: the spikes so far, each faded with its age."""


class AdaptiveLIF(Neuron):
    """Leaky integrate-and-fire neurons whose threshold rises with each spike (Bellec et al. 2018).

        h[t] = decay v[t-1] + input_scale x[t]
        B[t] = v_threshold + beta a[t-1]
        s[t] = 1 if h[t] >= B[t] else 0
        a[t] = rho a[t-1] + s[t]

    A soft reset subtracts B[t]; a hard one is that of `LIF`.
    """

    decays: ClassVar[Mapping[str, float]] = {"decay": 0.0, "rho": 0.0}
    decay: float | Tensor
    rho: float | Tensor
    beta: float | Tensor
    v_threshold: float | Tensor
    v_reset: float | Tensor | None
    input_scale: float | Tensor

    def __init__(
        self,
        decay: float | Tensor,
        rho: float | Tensor,
        beta: float | Tensor,
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

        - `decay`, `rho`: within [0, 1], of the membrane potential and of the adaptation.
        - `beta`: by how much one spike raises the threshold.
        - `learnable`: which of these three, `v_threshold`, `v_reset` and `input_scale` are parameters.
        - The others as in `LIF`.

        Raises `ValueError` for values that do not fit.
        """
        super().__init__(
            {"decay": decay, "rho": rho, "beta": beta, "v_threshold": v_threshold, "v_reset": v_reset,
             "input_scale": input_scale},
            learnable=learnable, channels=channels, channel_dim=channel_dim,
            surrogate=surrogate, alpha=alpha, detach_reset=detach_reset, backend=backend,
        )  # fmt: skip

    @classmethod
    def from_tau(
        cls, tau: float | Tensor, tau_adaptation: float | Tensor, beta: float | Tensor, **options: Any
    ) -> Self:
        """The neurons of these time constants, in time steps: decay and rho are exp(-1 / tau) of each.

        - `options`: the other arguments of the constructor.
        """
        return cls(decay_of_tau(tau), decay_of_tau(tau_adaptation), beta, **options)

    def forward(self, x: Tensor, state: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, AdaptiveLIFState]:
        """Spikes and the state after them, which continues the sequence if it is given back.

        - `x`: input current `(T, ...)`.
        - `state`: potential and adaptation before the first step, spread over `x.shape[1:]`; zeros if None.

        Returns the spikes, of the shape and dtype of `x`, and the state, two of `x.shape[1:]` in float32 (float64 for
        float64).

        Raises `ValueError` for shapes that do not fit, `UnavailableBackend` for a backend that cannot run.
        """
        v, a = (None, None) if state is None else state
        spikes, *last = adaptive_lif_scan(x, v, a, **self.values_at(x), **self.firing)
        return spikes, AdaptiveLIFState(*last)
