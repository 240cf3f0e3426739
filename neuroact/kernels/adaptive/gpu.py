"""`adaptive_lif_scan` on GPUs: what the neuron puts into the kernels of `neuron_blocks`; u there is a here."""

from __future__ import annotations

import triton
import triton.language as tl  # noqa: F401  Triton's interpreter looks for it here

from neuroact.kernels.neuron_blocks import Kernels


@triton.jit
def charge(x, a, v, decay, threshold, scale, rho, beta):
    """h = decay v + scale x, to be compared with threshold + beta a"""
    return a, decay * v + scale * x, threshold + beta * a


@triton.jit
def settle(a, s, rho):
    """a = rho a + s"""
    return rho * a + s


@triton.jit
def retreat(grad_a, grad_h, grad_threshold, a, rho, beta):
    """dL/d(scale x) = dL/dh;  dL/da[t-1] = rho dL/da + beta dL/dthreshold"""
    return grad_h, rho * grad_a + beta * grad_threshold, grad_a * a, grad_threshold * a


KERNELS = Kernels(charge, settle, retreat, by_spikes=True)
forward, backward = KERNELS.forward, KERNELS.backward
