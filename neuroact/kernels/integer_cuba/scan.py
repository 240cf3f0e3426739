"""`integer_cuba_lif_scan`: Loihi's neurons over time in the chip's integers, as one operation of torch."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import NamedTuple

import torch
from torch import Tensor

from neuroact.kernels import neurons
from neuroact.kernels.backends import Backend, choose
from neuroact.kernels.integer_cuba.reference import integer_cuba_lif_scan_reference

BACKENDS: tuple[Backend, ...] = ("triton", "cpu", "reference")
RECURRENT_BACKENDS: tuple[Backend, ...] = ("cpu", "reference")


class IntegerScan(NamedTuple):
    """What a scan leaves behind. No part of it carries gradients."""

    spikes: Tensor
    """`(T, ...)` of 0 and 1, or bits of them."""
    potentials: Tensor
    """h of every step, before the reset, `(T, ...)` float32; `(0, ...)` if they were not asked for."""
    u: Tensor
    """The synaptic current after the last step, `(...)` float64."""
    v: Tensor
    """The membrane potential after the last step, `(...)` float64."""


def integer_cuba_lif_scan(
    a: Tensor,
    u0: Tensor | None = None,
    v0: Tensor | None = None,
    *,
    current_decay: float | Tensor,
    decay: float | Tensor,
    threshold: float | Tensor,
    bias: float | Tensor = 0,
    recurrent: Tensor | None = None,
    potentials: bool = False,
    spike_dtype: neurons.SpikeDtype = None,
    backend: Backend | None = None,
) -> IntegerScan:
    """The neurons of `cuba_lif_scan` in the 24-bit integers of Loihi, as Lava's fixed-point models compute them.

        u[t] = [u[t-1] (4096 - current_decay) / 4096] + 64 a[t]       [ ] rounds towards 0
        h[t] = [v[t-1] (4096 - decay) / 4096] + u[t] + 64 bias
        s[t] = 1 if h[t] > 64 threshold else 0                        above the threshold, not at it
        v[t] = 0 if s[t] else h[t]

    u beyond (-2^23, 2^23] turns by 2^24, once; h is held within -2^23 + 1 and 2^23 - 1.

    - `a`: sums of the weights on which spikes arrive, `(T, ...)`, time first; whole numbers in a floating-point dtype.
    - `u0`, `v0`: states before the first step, spread over `a.shape[1:]`; zeros if None.
    - `current_decay`, `decay`, `threshold`, `bias`: iDecay and vDecay, 0 to 4096, vThMant, and Lava's bias of exponent
      6; whole numbers, or tensors of them that spread over `a.shape[1:]`.
    - `recurrent`: weights `(N, N)` from the neurons of the last dimension, columns, to each other, rows, which spikes
      add to `a` a step later. Sums are taken in the dtype of `a`: float32 is exact to 2^24.
    - `potentials`: whether to return h.
    - `spike_dtype`: as in `lif_scan`.
    - `backend`: "triton", "cpu" or "reference"; by default the fastest for the tensor's device. Recurrent neurons run
      on the last two only.

    Nothing here has gradients, as nothing of it has derivatives.

    Raises `ValueError` for shapes that do not fit, `TypeError` for an `a` of an integer dtype, `UnavailableBackend` for
    a backend that cannot run.
    """
    _check(a, recurrent)
    chosen = choose(a, backend, BACKENDS if recurrent is None else RECURRENT_BACKENDS)
    form = neurons.spike_form(spike_dtype, a, differentiable=False)
    states = {"u0": u0, "v0": v0}
    given: dict[str, float | Tensor] = {
        "current_decay": current_decay, "decay": decay, "threshold": threshold, "bias": bias,
    }  # fmt: skip
    wide = a.detach()[:0].double()  # states are as precise as float64
    if chosen == "reference":
        parameters = [neurons.spread_parameter(value, wide, name).long() for name, value in given.items()]
        u, v = (neurons.state(value, wide, name).long() for name, value in states.items())
        spikes, h, u, v = integer_cuba_lif_scan_reference(
            a.detach().long(), u, v, parameters, None if recurrent is None else recurrent.long()
        )
        h = h.float() if potentials else h[:0].float()
        return IntegerScan(neurons.in_form(spikes, form, a.dtype), h, u.double(), v.double())
    pairs = [
        neurons.flat_parameter(neurons.spread_parameter(value, wide, name), wide.shape[1:])
        for name, value in given.items()
    ]
    flat, inner = [values for values, _ in pairs], [width for _, width in pairs]
    x = neurons.flat_input(a.detach().to(neurons.state_dtype(a)), chosen)
    table = None if recurrent is None else recurrent.detach().to(x.dtype)
    spikes, h, last = integer_cuba_operation(
        x, neurons.flat_states(states, wide), flat, inner, table, potentials, chosen
    )
    u, v = last.reshape(2, *a.shape[1:]).unbind(0)
    h = h.reshape(len(a) if potentials else 0, *a.shape[1:])
    return IntegerScan(neurons.in_form(spikes.reshape(a.shape), form, a.dtype), h, u, v)


integer_cuba_lif_scan.backends = BACKENDS  # type: ignore[attr-defined]


def _check(a: Tensor, recurrent: Tensor | None) -> None:
    if not a.is_floating_point():
        raise TypeError(f"a must be floating-point, not {a.dtype}")
    if a.ndim < 1:
        raise ValueError("a must have time as its first dimension; it has none")
    if recurrent is not None and (a.ndim < 2 or recurrent.shape != (a.shape[-1], a.shape[-1])):
        raise ValueError(f"recurrent weights {tuple(recurrent.shape)} do not fit an a of shape {tuple(a.shape)}")


@torch.library.custom_op("neuroact::integer_cuba_scan", mutates_args=())
def integer_cuba_operation(
    a: Tensor, states: Tensor, parameters: Sequence[Tensor], inner: Sequence[int], recurrent: Tensor | None,
    keep: bool, backend: str,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """Spikes uint8, potentials and last states. `a` `(T, N)`, `states` `(2, N)` float64; flat, as `neurons` says."""
    kernels = import_module(f"neuroact.kernels.integer_cuba.{'gpu' if backend == 'triton' else backend}")
    result: tuple[Tensor, Tensor, Tensor] = kernels.forward(a, states, parameters, inner, recurrent, keep)
    return result


@integer_cuba_operation.register_fake
def _(
    a: Tensor, states: Tensor, parameters: Sequence[Tensor], inner: Sequence[int], recurrent: Tensor | None,
    keep: bool, backend: str,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    potentials = a.new_empty(a.shape if keep else (0, 0), dtype=torch.float32)
    return torch.empty_like(a, dtype=torch.uint8), potentials, states.new_empty((2, a.shape[1]))
