"""`cuba_lif_scan` on GPUs: what the neuron puts into the kernels of `neuron_blocks`."""

from __future__ import annotations

import triton
import triton.language as tl  # noqa: F401  Triton's interpreter looks for it here

from neuroact.kernels.neuron_blocks import Kernels


@triton.jit
def charge(x, u, v, decay, threshold, scale, current_decay, sixth):
    """u = current_decay u + scale x;  h = decay v + u"""
    u = current_decay * u + scale * x
    return u, decay * v + u, threshold


@triton.jit
def settle(u, s, current_decay):
    """Spikes leave the current as it is."""
    return u


@triton.jit
def retreat(grad_u, grad_h, grad_threshold, u, current_decay, sixth):
    """dL/d(scale x) = dL/du + dL/dh;  dL/du[t-1] = current_decay times that"""
    current = grad_u + grad_h
    return current, current_decay * current, current * u, grad_u


KERNELS = Kernels(charge, settle, retreat)
forward, backward = KERNELS.forward, KERNELS.backward
