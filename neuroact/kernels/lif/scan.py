"""`lif_scan`: leaky integrate-and-fire neurons over time, as one operation of torch."""

from __future__ import annotations

from torch import Tensor

from neuroact.kernels.backends import Backend
from neuroact.kernels.lif.reference import lif_scan_reference
from neuroact.kernels.neuron_scan import BACKENDS, scan
from neuroact.kernels.neurons import SpikeDtype
from neuroact.kernels.reference import Firing
from neuroact.kernels.surrogates import Surrogate


def lif_scan(
    x: Tensor,
    v0: Tensor | None = None,
    *,
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
) -> tuple[Tensor, Tensor]:
    """Leaky integrate-and-fire neurons, all time steps in one kernel.

        h[t] = decay v[t-1] + input_scale x[t]
        s[t] = 1 if h[t] >= v_threshold else 0
        v[t] = h[t] - s[t] v_threshold                     soft reset, `v_reset=None`
        v[t] = v_reset if s[t] else h[t]                   hard reset

    - `x`: input current `(T, ...)`, time first; float32, float64, bfloat16 or float16.
    - `v0`: membrane potential before the first step, spread over `x.shape[1:]`; zeros if None.
    - `decay`, `v_threshold`, `v_reset`, `input_scale`: numbers, or tensors that spread over `x.shape[1:]` as in
      numpy, so `(C,)` for channels that come last and `(C, 1, 1)` for those of an image. Tensors get gradients.
    - `surrogate`, `alpha`: what stands for the derivative of a spike; see `neuroact.kernels.surrogates`.
    - `detach_reset`: pass no gradient through the reset.
    - `smooth`: put the surrogate's primitive in the place of spikes, so that gradients are exact and can be checked.
    - `spike_dtype`: None for the dtype of `x`, `torch.uint8`, or `"packed"` for bits as `pack_spikes` gives them; the
      last two carry no gradient.
    - `backend`: "triton", "cpu" or "reference"; by default the fastest for the tensor's device.

    Returns the spikes, of the shape of `x`, and the membrane potential after the last step, `x.shape[1:]`, in float32
    (float64 for float64). Both states carry gradients.

    Raises `ValueError` for shapes that do not fit, `UnavailableBackend` for a backend that cannot run.
    """
    spikes, v_last = scan(
        "lif", lif_scan_reference, x, {"v0": v0},
        {"decay": decay, "v_threshold": v_threshold, "v_reset": v_reset, "input_scale": input_scale},
        Firing(v_reset is not None, surrogate, alpha, detach_reset, smooth), spike_dtype, backend,
    )  # fmt: skip
    return spikes, v_last


lif_scan.backends = BACKENDS  # type: ignore[attr-defined]
