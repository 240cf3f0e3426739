"""`lif_scan` on GPUs: what the neuron puts into the kernels of `neuron_blocks`."""

from __future__ import annotations

import triton
import triton.language as tl  # noqa: F401  Triton's interpreter looks for it here

from neuroact.kernels.neuron_blocks import Kernels


@triton.jit
def charge(x, u, v, decay, threshold, scale, fifth, sixth):
    """h = decay v + scale x"""
    return u, decay * v + scale * x, threshold


@triton.jit
def settle(u, s, fifth):
    """There is no u."""
    return u


@triton.jit
def retreat(grad_u, grad_h, grad_threshold, u, fifth, sixth):
    """dL/d(scale x) = dL/dh"""
    return grad_h, grad_u, grad_u, grad_u


KERNELS = Kernels(charge, settle, retreat)
forward, backward = KERNELS.forward, KERNELS.backward
