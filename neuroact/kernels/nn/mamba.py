"""Mamba (Gu and Dao, 2023): a block around a selective state space, with the parameters of mamba_ssm.

    B batch             L time steps       M model's channels, d_model     D inner channels, E = expand times M
    N state dimensions  K steps that the convolution sees, d_conv          R rank of the step size, dt_rank

Names and shapes of parameters are those of mamba_ssm's `Mamba`, so that a state dict of one loads into the other.

Differences from mamba_ssm: (1) what a sequence leaves behind is a result and an argument, not a cache that is changed
in place, because it then has gradients and can be cut anywhere. (2) Step by step and whole sequences are one path, a
step being a sequence of length one. (3) No fused convolution: it is a hundredth of the work.
"""

from __future__ import annotations

import math
from typing import ClassVar, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from neuroact.kernels.backends import Backend
from neuroact.kernels.selective import selective_scan


class MambaState(NamedTuple):
    """What a sequence leaves to the one that follows it."""

    inputs: Tensor
    """The last inputs of the convolution, `(B, D, K - 1)`."""
    hidden: Tensor
    """The last state of the scan, `(B, D, N)`."""


class Mamba(nn.Module):
    """Figure 3 of the paper: a gated selective scan behind a short causal convolution.

    - `d_model`: channels of input and output, M.
    - `d_state`: N. `d_conv`: K. `expand`: D / M. `dt_rank`: R, "auto" for `ceil(M / 16)`.
    - `dt_min`, `dt_max`, `dt_init_floor`: the step sizes begin spread evenly over the logarithms of this range.
    - `dt_init`, `dt_scale`: how the weights of the step size begin: random, or all the same, up to `dt_scale R^-1/2`.
    - `conv_bias`, `bias`: whether the convolution and the two outer projections have one.
    - `backend`: of `selective_scan`.
    """

    undecayed: ClassVar[frozenset[str]] = frozenset({"A_log", "D"})
    """What weight decay leaves alone, as in mamba_ssm: it would draw every A to -1, and D, the skip, to 0."""

    def __init__(
        self,
        d_model: int,
        d_state: int = 16,
        d_conv: int = 4,
        expand: int = 2,
        dt_rank: int | Literal["auto"] = "auto",
        dt_min: float = 0.001,
        dt_max: float = 0.1,
        dt_init: Literal["random", "constant"] = "random",
        dt_scale: float = 1.0,
        dt_init_floor: float = 1e-4,
        conv_bias: bool = True,
        bias: bool = False,
        *,
        backend: Backend | None = None,
    ) -> None:
        super().__init__()
        if dt_init not in ("random", "constant"):
            raise ValueError(f"dt_init must be 'random' or 'constant', not {dt_init!r}")
        self.d_inner, self.d_state, self.d_conv = int(expand * d_model), d_state, d_conv
        self.dt_rank = math.ceil(d_model / 16) if dt_rank == "auto" else dt_rank
        self.backend = backend
        self.in_proj = nn.Linear(d_model, 2 * self.d_inner, bias=bias)
        self.conv1d = nn.Conv1d(self.d_inner, self.d_inner, d_conv, groups=self.d_inner, bias=conv_bias)
        self.x_proj = nn.Linear(self.d_inner, self.dt_rank + 2 * d_state, bias=False)
        self.dt_proj = nn.Linear(self.dt_rank, self.d_inner)
        self.A_log = nn.Parameter(torch.arange(1, d_state + 1).float().log().repeat(self.d_inner, 1))  # S4D-real
        self.D = nn.Parameter(torch.ones(self.d_inner))
        self.out_proj = nn.Linear(self.d_inner, d_model, bias=bias)
        begin_with_steps(self.dt_proj, dt_min, dt_max, init=dt_init, scale=dt_scale, floor=dt_init_floor)

    def initial_state(self, x: Tensor) -> MambaState:
        """What a sequence starts from that follows no other; for the batch, device and dtype of `x` `(B, L, M)`."""
        inputs = x.new_zeros((x.shape[0], self.d_inner, self.d_conv - 1))
        hidden = self.A_log.new_zeros((x.shape[0], self.d_inner, self.d_state))
        return MambaState(inputs, hidden)

    def forward(self, x: Tensor, state: MambaState | None = None) -> tuple[Tensor, MambaState]:
        """Algorithm 2 between the two projections.

        - `x`: `(B, L, M)`.
        - `state`: what the sequence before this one left; None if there is none.

        Returns `(B, L, M)` and the state after it.
        """
        past = self.initial_state(x) if state is None else state
        u, z = self.in_proj(x).transpose(1, 2).chunk(2, dim=1)  # (B, D, L), (B, D, L)
        seen = torch.cat([past.inputs.to(u.dtype), u], dim=-1)  # (B, D, K - 1 + L)
        u = functional.silu(self.conv1d(seen))  # (B, D, L)
        y, hidden = self.ssm(u, z, None if state is None else past.hidden)  # (B, D, L), (B, D, N)
        inputs = seen[..., seen.shape[-1] - (self.d_conv - 1) :]  # (B, D, K - 1)
        return self.out_proj(y.transpose(1, 2)), MambaState(inputs, hidden)

    def ssm(self, u: Tensor, z: Tensor, hidden: Tensor | None) -> tuple[Tensor, Tensor]:
        """The selective state space: step sizes, B and C depend on the input, A and D do not.

        - `u`, `z`: `(B, D, L)`. `hidden`: `(B, D, N)` or None for zeros.

        Returns `(B, D, L)`, gated by z, and the last state `(B, D, N)`.
        """
        A = -torch.exp(self.A_log.float())  # (D, N)
        sizes = [self.dt_rank, self.d_state, self.d_state]
        delta, B, C = self.x_proj(u.transpose(1, 2)).split(sizes, dim=-1)  # (B, L, R), (B, L, N), (B, L, N)
        delta = functional.linear(delta, self.dt_proj.weight).transpose(1, 2)  # (B, D, L); the scan adds the bias
        return selective_scan(
            u, delta, A, B.transpose(1, 2), C.transpose(1, 2), self.D, z, self.dt_proj.bias, delta_softplus=True,
            return_last_state=True, h0=hidden, backend=self.backend,
        )  # fmt: skip


@torch.no_grad()
def begin_with_steps(
    projection: nn.Linear, low: float, high: float, *, init: str = "random", scale: float = 1.0, floor: float = 1e-4
) -> None:
    """Weights that keep the variance, and a bias such that the step sizes begin log-uniform in [low, high].

    - `projection`: from R to D, whose result goes through a softplus. The others as in `Mamba`.
    """
    bound = scale * projection.in_features**-0.5
    if init == "constant":
        nn.init.constant_(projection.weight, bound)
    else:
        nn.init.uniform_(projection.weight, -bound, bound)
    span = math.log(high) - math.log(low)
    steps = torch.exp(torch.rand(projection.out_features) * span + math.log(low)).clamp(min=floor)
    projection.bias.copy_(steps + torch.log(-torch.expm1(-steps)))  # the inverse of softplus
