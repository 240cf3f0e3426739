"""`cuba_lif_scan`: current-based leaky integrate-and-fire neurons over time, as one operation of torch."""

from __future__ import annotations

from torch import Tensor

from neuroact.kernels.backends import Backend
from neuroact.kernels.cuba.reference import cuba_lif_scan_reference
from neuroact.kernels.neuron_scan import BACKENDS, scan
from neuroact.kernels.neurons import SpikeDtype
from neuroact.kernels.reference import Firing
from neuroact.kernels.surrogates import Surrogate


def cuba_lif_scan(
    x: Tensor,
    u0: Tensor | None = None,
    v0: Tensor | None = None,
    *,
    current_decay: float | Tensor,
    decay: float | Tensor,
    v_threshold: float | Tensor = 1.0,
    v_reset: float | Tensor | None = None,
    input_scale: float | Tensor = 1.0,
    surrogate: Surrogate = "atan",
    alpha: float = 2.0,
    detach_reset: bool = False,
    smooth: bool = False,
    spike_dtype: SpikeDtype = None,
    backend: Backend | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Current-based leaky integrate-and-fire neurons, which are those of Loihi (Davies et al. 2018), in one kernel.

        u[t] = current_decay u[t-1] + input_scale x[t]
        h[t] = decay v[t-1] + u[t]

    and then they fire and are reset as those of `lif_scan`, where the arguments not named here are described.

    - `x`: input to the synapses `(T, ...)`, time first.
    - `u0`, `v0`: synaptic current and membrane potential before the first step, spread over `x.shape[1:]`; zeros if
      None.
    - `current_decay`, `decay`: numbers, or tensors that spread over `x.shape[1:]`, as all parameters. Loihi's integers
      `decayU`, `decayV` stand for `1 - decayU / 4096` and `1 - decayV / 4096`, and it resets hard, to 0.

    Returns the spikes, of the shape of `x`, and the synaptic current and the membrane potential after the last step,
    `x.shape[1:]`, in float32 (float64 for float64). All three carry gradients.

    Raises `ValueError` for shapes that do not fit, `UnavailableBackend` for a backend that cannot run.
    """
    spikes, u_last, v_last = scan(
        "cuba", cuba_lif_scan_reference, x, {"u0": u0, "v0": v0},
        {"decay": decay, "v_threshold": v_threshold, "v_reset": v_reset, "input_scale": input_scale,
         "current_decay": current_decay},
        Firing(v_reset is not None, surrogate, alpha, detach_reset, smooth), spike_dtype, backend,
    )  # fmt: skip
    return spikes, u_last, v_last


cuba_lif_scan.backends = BACKENDS  # type: ignore[attr-defined]
