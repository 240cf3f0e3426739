"""`adaptive_lif_scan`: adaptive leaky integrate-and-fire neurons over time, as one operation of torch."""

from __future__ import annotations

from torch import Tensor

from neuroact.kernels.adaptive.reference import adaptive_lif_scan_reference
from neuroact.kernels.backends import Backend
from neuroact.kernels.neuron_scan import BACKENDS, scan
from neuroact.kernels.neurons import SpikeDtype
from neuroact.kernels.reference import Firing
from neuroact.kernels.surrogates import Surrogate


def adaptive_lif_scan(
    x: Tensor,
    v0: Tensor | None = None,
    a0: Tensor | None = None,
    *,
    decay: float | Tensor,
    rho: float | Tensor,
    beta: float | Tensor,
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
    """Leaky integrate-and-fire neurons whose threshold rises with each spike (Bellec et al. 2018), in one kernel.

        h[t] = decay v[t-1] + input_scale x[t]
        B[t] = v_threshold + beta a[t-1]
        s[t] = 1 if h[t] >= B[t] else 0
        v[t] = h[t] - s[t] B[t]                            soft reset, `v_reset=None`
        v[t] = v_reset if s[t] else h[t]                   hard reset
        a[t] = rho a[t-1] + s[t]

    A soft reset subtracts the threshold that was passed, B[t], as Bellec et al. do: what is left is how far h went
    beyond it, as in neurons that do not adapt. Were it v_threshold, as in their later e-prop (2020), beta a[t-1] more
    would be left, and the more a neuron has adapted, the more its spikes would drive it. They scale spikes in a by
    1 - rho; here that is a factor of beta.

    - `v0`, `a0`: membrane potential and adaptation before the first step, spread over `x.shape[1:]`; zeros if None.
    - `decay`, `rho`, `beta`: how much of the potential and of the adaptation stays after a step, and by how much a
      spike raises the threshold; numbers, or tensors that spread over `x.shape[1:]`, as all parameters.
    - `detach_reset`: pass no gradient through the reset; the one through the adaptation stays.
    - The other arguments are those of `lif_scan`.

    Returns the spikes, of the shape of `x`, and the membrane potential and the adaptation after the last step,
    `x.shape[1:]`, in float32 (float64 for float64). All three carry gradients.

    Raises `ValueError` for shapes that do not fit, `UnavailableBackend` for a backend that cannot run.
    """
    spikes, a_last, v_last = scan(
        "adaptive", adaptive_lif_scan_reference, x, {"a0": a0, "v0": v0},
        {"decay": decay, "v_threshold": v_threshold, "v_reset": v_reset, "input_scale": input_scale,
         "rho": rho, "beta": beta},
        Firing(v_reset is not None, surrogate, alpha, detach_reset, smooth), spike_dtype, backend,
    )  # fmt: skip
    return spikes, v_last, a_last


adaptive_lif_scan.backends = BACKENDS  # type: ignore[attr-defined]
