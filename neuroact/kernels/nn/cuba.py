"""`CubaLIF`: current-based leaky integrate-and-fire neurons as a module, over `cuba_lif_scan`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, ClassVar, NamedTuple, Self

from torch import Tensor

from neuroact.kernels.backends import Backend
from neuroact.kernels.cuba import cuba_lif_scan
from neuroact.kernels.nn.neuron import Neuron, decay_of_tau
from neuroact.kernels.surrogates import Surrogate


class CubaLIFState(NamedTuple):
    """What current-based neurons carry from one step to the next; both have the shape of one step."""

    u: Tensor
    """Synaptic current."""
    v: Tensor
    """Membrane potential."""


class CubaLIF(Neuron):
    """Leaky integrate-and-fire neurons behind a synapse that leaks too (Davies et al. 2018: Loihi's).

        u[t] = current_decay u[t-1] + input_scale x[t]
        h[t] = decay v[t-1] + u[t]

    and then as `LIF`.
    """

    decays: ClassVar[Mapping[str, float]] = {"current_decay": 0.0, "decay": 0.0}
    current_decay: float | Tensor
    decay: float | Tensor
    v_threshold: float | Tensor
    v_reset: float | Tensor | None
    input_scale: float | Tensor

    def __init__(
        self,
        current_decay: float | Tensor,
        decay: float | Tensor,
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

        - `current_decay`, `decay`: within [0, 1], of the synaptic current and of the membrane potential.
        - `learnable`: which of these two, `v_threshold`, `v_reset` and `input_scale` are parameters.
        - The others as in `LIF`.

        Raises `ValueError` for values that do not fit.
        """
        super().__init__(
            {"current_decay": current_decay, "decay": decay, "v_threshold": v_threshold, "v_reset": v_reset,
             "input_scale": input_scale},
            learnable=learnable, channels=channels, channel_dim=channel_dim,
            surrogate=surrogate, alpha=alpha, detach_reset=detach_reset, backend=backend,
        )  # fmt: skip

    @classmethod
    def from_tau(cls, tau_current: float | Tensor, tau: float | Tensor, **options: Any) -> Self:
        """The neurons of these time constants, in time steps: current_decay and decay are exp(-1 / tau) of each.

        - `options`: the other arguments of the constructor.
        """
        return cls(decay_of_tau(tau_current), decay_of_tau(tau), **options)

    def forward(self, x: Tensor, state: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, CubaLIFState]:
        """Spikes and the state after them, which continues the sequence if it is given back.

        - `x`: input to the synapses `(T, ...)`.
        - `state`: current and potential before the first step, spread over `x.shape[1:]`; zeros if None.

        Returns the spikes, of the shape and dtype of `x`, and the state, two of `x.shape[1:]` in float32 (float64 for
        float64).

        Raises `ValueError` for shapes that do not fit, `UnavailableBackend` for a backend that cannot run.
        """
        u, v = (None, None) if state is None else state
        spikes, *last = cuba_lif_scan(x, u, v, **self.values_at(x), **self.firing)
        return spikes, CubaLIFState(*last)
