"""Surrogate gradients: what stands for the derivative of a spike, which is zero or infinite, in the backward pass.

With z = h - v_threshold, how far the membrane potential h is above the threshold, and alpha, the steepness:

    name                 derivative                          primitive, rises from 0 to 1 (to alpha; about 1/2)
    atan                 alpha/2 / (1 + (pi/2 alpha z)^2)    1/2 + atan(pi/2 alpha z) / pi
    sigmoid              alpha s (1 - s), s the primitive    1 / (1 + exp(-alpha z))
    triangle             alpha max(0, 1 - |z|)               alpha (1/2 + z - z|z|/2), z clipped to [-1, 1]
    rectangle            alpha where |alpha z| < 1/2         alpha z + 1/2, clipped to [0, 1]
    super_spike          1 / (1 + alpha |z|)^2               1/2 + z / (1 + alpha |z|)
    piecewise_quadratic  alpha max(0, 1 - alpha |z|)         1/2 + y - y|y|/2, y = alpha z clipped to [-1, 1]

`triangle` and `rectangle` need no transcendental function, and most of their values are zero. Sources: Fang et al. 2021
(atan), Zenke & Ganguli 2018 (super_spike), Bellec et al. 2018 (triangle, where alpha is called the dampening factor),
Wu et al. 2018 (rectangle), Esser et al. 2016 (piecewise_quadratic).
"""

from __future__ import annotations

from typing import Any, Literal, cast, get_args

import torch
from torch import Tensor

Surrogate = Literal["atan", "sigmoid", "triangle", "rectangle", "super_spike", "piecewise_quadratic"]
SURROGATES: tuple[Surrogate, ...] = get_args(Surrogate)
ATAN, SIGMOID, TRIANGLE, RECTANGLE, SUPER_SPIKE, PIECEWISE_QUADRATIC = range(len(SURROGATES))
"""Numbers that kernels know them by."""


def surrogate_number(name: str) -> int:
    """Raises `ValueError` for a surrogate that there is not."""
    if name not in SURROGATES:
        raise ValueError(f"surrogate must be one of {', '.join(SURROGATES)}, not {name!r}")
    return SURROGATES.index(name)


def primitive(z: Tensor, surrogate: Surrogate, alpha: float) -> Tensor:
    """The smooth step whose derivative is the surrogate gradient; of the shape of `z`."""
    match surrogate:
        case "atan":
            return 0.5 + torch.atan(torch.pi / 2 * alpha * z) / torch.pi
        case "sigmoid":
            return torch.sigmoid(alpha * z)
        case "triangle":
            z = z.clamp(-1, 1)
            return alpha * (0.5 + z - 0.5 * z * z.abs())
        case "rectangle":
            return (alpha * z + 0.5).clamp(0, 1)
        case "super_spike":
            return 0.5 + z / (1 + alpha * z.abs())
        case "piecewise_quadratic":
            y = (alpha * z).clamp(-1, 1)
            return 0.5 + y - 0.5 * y * y.abs()


def slope(z: Tensor, surrogate: Surrogate, alpha: float) -> Tensor:
    """The surrogate gradient itself; of the shape of `z`."""
    match surrogate:
        case "atan":
            return alpha / 2 / (1 + (torch.pi / 2 * alpha * z) ** 2)
        case "sigmoid":
            s = torch.sigmoid(alpha * z)
            return alpha * s * (1 - s)
        case "triangle":
            return alpha * (1 - z.abs()).clamp(min=0)
        case "rectangle":
            return alpha * ((alpha * z).abs() < 0.5).to(z.dtype)
        case "super_spike":
            return 1 / (1 + alpha * z.abs()) ** 2
        case "piecewise_quadratic":
            return alpha * (1 - alpha * z.abs()).clamp(min=0)


class Spike(torch.autograd.Function):
    """1 where z >= 0, else 0; backward the surrogate gradient."""

    @staticmethod
    def forward(ctx: Any, z: Tensor, surrogate: Surrogate, alpha: float) -> Tensor:
        """Of the shape and dtype of `z`."""
        ctx.save_for_backward(z)
        ctx.surrogate, ctx.alpha = surrogate, alpha
        return (z >= 0).to(z.dtype)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        """The gradient of `z`."""
        (z,) = ctx.saved_tensors
        return grads[0] * slope(z, ctx.surrogate, ctx.alpha), None, None


def spike(z: Tensor, surrogate: Surrogate = "atan", alpha: float = 2.0, *, smooth: bool = False) -> Tensor:
    """Spikes of neurons that are `z` above their threshold, differentiable by the surrogate.

    - `smooth`: the surrogate's primitive instead of 0 and 1, which is what its gradients are exact for.
    """
    if smooth:
        return primitive(z, surrogate, alpha)
    return cast(Tensor, Spike.apply(z, surrogate, alpha))  # type: ignore[no-untyped-call]
