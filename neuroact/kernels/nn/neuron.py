"""What the modules of spiking neurons share: values that may be learned, one for all neurons or one a channel."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from neuroact.kernels.backends import Backend
from neuroact.kernels.surrogates import Surrogate, surrogate_number


def within(value: float | Tensor, least: float, most: float) -> bool:
    """Whether all of a value is in [least, most]; false for NaN."""
    values = torch.as_tensor(value)
    return bool(((least <= values) & (values <= most)).all())


def decay_of_tau(tau: float | Tensor) -> float | Tensor:
    """decay = exp(-1 / tau): what a leak of time constant `tau`, in time steps, leaves after one.

    It solves dv/dt = -v / tau exactly; spikingjelly's 1 - 1 / tau is the first term of it.

    Raises `ValueError` unless `tau > 0`.
    """
    if not bool((torch.as_tensor(tau) > 0).all()):
        raise ValueError(f"tau must be above 0, not {tau}")
    return torch.exp(-1 / tau) if isinstance(tau, Tensor) else math.exp(-1 / tau)


class Neuron(nn.Module):
    """Base of the modules: holds the values of a neuron's equation, and no state.

    A value is a Python number, a buffer if it was given as a tensor, or a parameter if it is learned. Learned decays
    are clamped to their range where they are used, as snnTorch does.
    """

    decays: ClassVar[Mapping[str, float]] = {"decay": 0.0}
    """Which of the values are decays, and the least that each may be; the most is 1."""

    channels: int | None
    channel_dim: int
    surrogate: Surrogate
    alpha: float
    detach_reset: bool
    backend: Backend | None

    def __init__(
        self,
        values: Mapping[str, float | Tensor | None],
        *,
        learnable: Collection[str],
        channels: int | None,
        channel_dim: int,
        surrogate: Surrogate,
        alpha: float,
        detach_reset: bool,
        backend: Backend | None,
    ) -> None:
        """Keep `values`, those that `learnable` names as parameters.

        Raises `ValueError` for a name that is not among them, a value that is None or out of range, a shape that is
        neither `()` nor `(channels,)`, or channels in the dimension of time.
        """
        super().__init__()
        surrogate_number(surrogate)
        if unknown := set(learnable) - set(values):
            raise ValueError(f"learnable may name {', '.join(values)}, not {', '.join(sorted(unknown))}")
        if channel_dim == 0:
            raise ValueError("channel_dim is 0, which is the dimension of time")
        self.channels, self.channel_dim = channels, channel_dim
        self.surrogate, self.alpha, self.detach_reset, self.backend = surrogate, alpha, detach_reset, backend
        self._names = tuple(values)
        for name, value in values.items():
            self._keep(name, value, learned=name in learnable)

    def _keep(self, name: str, value: float | Tensor | None, *, learned: bool) -> None:
        if value is None:
            if learned:
                raise ValueError(f"{name} is None, so there is nothing to learn")
            setattr(self, name, None)
            return
        if name in self.decays and not within(value, self.decays[name], 1.0):
            raise ValueError(f"{name} must be within [{self.decays[name]:g}, 1], not {value}")
        if not isinstance(value, Tensor):
            if not learned:
                setattr(self, name, float(value))
                return
            value = torch.full(() if self.channels is None else (self.channels,), float(value))
        if value.shape not in ((), (self.channels,)):
            allowed = "() without channels" if self.channels is None else f"() or ({self.channels},)"
            raise ValueError(f"{name} has shape {tuple(value.shape)}; it may be {allowed}")
        value = value.detach().clone()
        if learned:
            self.register_parameter(name, nn.Parameter(value))
        else:
            self.register_buffer(name, value)

    def values_at(self, x: Tensor) -> dict[str, Any]:
        """The values as a scan over `x` takes them: those that differ between channels spread over `x.shape[1:]`.

        Raises `ValueError` if `x` has another number of channels.
        """
        return {name: self._value_at(name, x) for name in self._names}

    def _value_at(self, name: str, x: Tensor) -> float | Tensor | None:
        value: float | Tensor | None = getattr(self, name)
        if not isinstance(value, Tensor):
            return value
        if name in self.decays and isinstance(value, nn.Parameter):
            value = value.clamp(self.decays[name], 1.0)
        return value.reshape(self._channel_shape(x)) if value.ndim else value

    def _channel_shape(self, x: Tensor) -> tuple[int, ...]:
        """`(C, 1, ..., 1)`, as many dimensions as `x` has from that of its channels on."""
        axis = self.channel_dim + x.ndim if self.channel_dim < 0 else self.channel_dim
        if not 1 <= axis < x.ndim or x.shape[axis] != self.channels:
            raise ValueError(f"x {tuple(x.shape)} has not {self.channels} channels in dimension {self.channel_dim}")
        return (x.shape[axis], *(1,) * (x.ndim - 1 - axis))

    @property
    def firing(self) -> dict[str, Any]:
        """The arguments of a scan that are not values of the equation."""
        return {
            "surrogate": self.surrogate, "alpha": self.alpha, "detach_reset": self.detach_reset,
            "backend": self.backend,
        }  # fmt: skip

    def extra_repr(self) -> str:
        """The values, and of tensors their shape; what else differs from one module to another."""
        parts = [f"{name}={self._described(name)}" for name in self._names]
        if self.channels is not None:
            parts += [f"channels={self.channels}", f"channel_dim={self.channel_dim}"]
        parts += [f"surrogate={self.surrogate!r}", f"alpha={self.alpha}", f"detach_reset={self.detach_reset}"]
        return ", ".join(parts)

    def _described(self, name: str) -> str:
        value = getattr(self, name)
        if not isinstance(value, Tensor):
            return str(value)
        described = f"{value.item():.4g}" if value.ndim == 0 else f"{tuple(value.shape)}"
        return f"{described} learnable" if isinstance(value, nn.Parameter) else described
