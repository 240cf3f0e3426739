"""Parts of the Triton kernels that all neurons share: parameters, firing, the reset, and the surrogate gradients.

A program works on a block of neurons, whose states stay in registers through all time steps.
"""

from __future__ import annotations

from typing import Any, Literal

import triton
import triton.language as tl
from torch import Tensor

from neuroact.kernels import neurons, surrogates

FORMS: tuple[neurons.Form, ...] = ("same", "uint8", "packed")
PACKED = tl.constexpr(FORMS.index("packed"))
ATAN = tl.constexpr(surrogates.ATAN)
SIGMOID = tl.constexpr(surrogates.SIGMOID)
TRIANGLE = tl.constexpr(surrogates.TRIANGLE)
RECTANGLE = tl.constexpr(surrogates.RECTANGLE)
SUPER_SPIKE = tl.constexpr(surrogates.SUPER_SPIKE)
HALF_PI = tl.constexpr(1.5707963267948966)

THREADS = 128
OPTIONS: dict[str, Any] = {"num_warps": THREADS // 32, "enable_fp_fusion": False}
"""A fused multiply-add rounds once instead of twice, and so moves spikes at the threshold."""
ALL_REGISTERS = 255
"""Of a thread. Asked for where the compiler would rather spill some, to run more threads side by side."""
WIDEST_LOAD = 16
"""Bytes that a thread loads at once."""

MOST_HELD = 8
"""Values a step that a thread can hold of all its neurons in the backward pass."""
MOST_HELD_BY_LEARNERS = 2
"""The same where parameters have gradients, whose sums take registers too."""

Given = Literal["number", "one", "each"]
"""How a kernel gets a parameter: as a number among its arguments, or in memory, one value for all or each its own."""

block_size: int | None = None
"""Neurons a program, if not as many as its threads load at once; the interpreter wants few, big programs."""


def block_of(x: Tensor) -> int:
    """Neurons a program: as many as its threads load at once."""
    return block_size or THREADS * (WIDEST_LOAD // x.element_size())


def block_of_backward(x: Tensor, held: int, *, learned: bool) -> int:
    """Neurons a program that holds some values of each neuron and step: so few that they fit into registers."""
    fitting = (MOST_HELD_BY_LEARNERS if learned else MOST_HELD) // held
    return block_size or THREADS * min(WIDEST_LOAD // x.element_size(), fitting)


def given_as(parameter: float | Tensor) -> Given:
    """How a kernel gets this one."""
    if not isinstance(parameter, Tensor):
        return "number"
    return "one" if parameter.numel() == 1 else "each"


@triton.jit
def parameter(values, n, mask, count, inner, GIVEN: tl.constexpr):
    """Each neuron's value of a parameter; if there is a single one in memory, it is loaded once for all."""
    if GIVEN == "number":
        return values
    elif GIVEN == "one":
        return tl.load(values)
    else:
        return tl.load(values + (n // inner) % count, mask=mask, other=0.0)


@triton.jit
def reset(h, s, threshold, v_reset, HARD: tl.constexpr):
    """v = h - s threshold, or with a hard reset v = s v_reset + (1 - s) h"""
    if HARD:
        return s * v_reset + (1.0 - s) * h
    else:
        return h - s * threshold


@triton.jit
def through_reset(h, threshold, v_reset, HARD: tl.constexpr):
    """dv/ds: how a spike changes the membrane potential after it."""
    if HARD:
        return v_reset - h
    else:
        return h * 0.0 - threshold


@triton.jit
def slope(z, alpha, KIND: tl.constexpr):
    """The surrogate gradient `z` above the threshold."""
    if KIND == ATAN:
        y = HALF_PI * alpha * z
        return 0.5 * alpha / (1.0 + y * y)
    elif KIND == SIGMOID:
        e = tl.exp(-alpha * tl.abs(z))
        return alpha * e / ((1.0 + e) * (1.0 + e))
    elif KIND == TRIANGLE:
        return alpha * tl.maximum(0.0, 1.0 - tl.abs(z))
    elif KIND == RECTANGLE:
        return tl.where(tl.abs(alpha * z) < 0.5, alpha, 0.0)
    elif KIND == SUPER_SPIKE:
        y = 1.0 + alpha * tl.abs(z)
        return 1.0 / (y * y)
    else:
        return alpha * tl.maximum(0.0, 1.0 - alpha * tl.abs(z))
