"""The Mamba block: its parameters are mamba_ssm's, and a sequence may be cut anywhere."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.nn import functional

from neuroact.kernels.nn import Mamba, MambaState
from tests.kernels.compare import close

OF_MAMBA_SSM = {
    "A_log": (64, 16),
    "D": (64,),
    "in_proj.weight": (128, 32),
    "conv1d.weight": (64, 1, 4),
    "conv1d.bias": (64,),
    "x_proj.weight": (34, 64),
    "dt_proj.weight": (64, 2),
    "dt_proj.bias": (64,),
    "out_proj.weight": (32, 64),
}
"""Names and shapes in a state dict of `mamba_ssm.Mamba(32)`."""


def block(seed: int = 0, **options: Any) -> Mamba:
    torch.manual_seed(seed)
    return Mamba(32, **options)


def sequence(length: int = 20) -> torch.Tensor:
    return torch.randn(2, length, 32, generator=torch.Generator().manual_seed(1))


def test_the_parameters_are_those_of_mamba_ssm() -> None:
    assert {name: tuple(value.shape) for name, value in block().state_dict().items()} == OF_MAMBA_SSM
    assert Mamba(40).dt_rank == 3


def test_they_begin_as_in_mamba_ssm() -> None:
    mamba = block()
    assert torch.allclose(mamba.A_log.exp(), torch.arange(1, 17).float().expand(64, 16))
    assert torch.equal(mamba.D, torch.ones(64))
    steps = functional.softplus(mamba.dt_proj.bias)
    assert 0.00099 < steps.min() < 0.005
    assert 0.03 < steps.max() < 0.101
    assert 0.9 * 2**-0.5 < mamba.dt_proj.weight.abs().max() <= 2**-0.5
    assert (block(dt_init="constant", dt_scale=2.0).dt_proj.weight == 2 * 2**-0.5).all()


def test_it_is_what_the_paper_says_step_by_step() -> None:
    mamba, x = block(), sequence(7)
    y, state = mamba(x)
    weights = dict(mamba.named_parameters())
    u, z = (x @ weights["in_proj.weight"].T).chunk(2, -1)  # (B, L, D)
    kernel, h = weights["conv1d.weight"][:, 0], torch.zeros(2, 64, 16)
    for t in range(7):
        window = functional.pad(u, (0, 0, 3, 0))[:, t : t + 4]  # (B, K, D)
        v = functional.silu((window * kernel.T).sum(1) + weights["conv1d.bias"])  # (B, D)
        low_rank, B, C = (v @ weights["x_proj.weight"].T).split([2, 16, 16], -1)
        delta = functional.softplus(low_rank @ weights["dt_proj.weight"].T + weights["dt_proj.bias"])
        h = (-delta[..., None] * weights["A_log"].exp()).exp() * h + (delta * v)[..., None] * B[:, None]
        out = ((h * C[:, None]).sum(-1) + weights["D"] * v) * functional.silu(z[:, t])
        assert close(y[:, t].detach(), (out @ weights["out_proj.weight"].T).detach(), 1e-5)
    assert close(state.hidden.detach(), h.detach(), 1e-5)


@pytest.mark.parametrize("cut", [1, 2, 7, 19])
def test_a_sequence_cut_in_two(cut: int) -> None:
    mamba, x = block(), sequence()
    whole, last = mamba(x)
    first, state = mamba(x[:, :cut])
    second, end = mamba(x[:, cut:], state)
    assert close(torch.cat([first, second], 1).detach(), whole.detach(), 1e-5)
    assert all(close(ours.detach(), theirs.detach(), 1e-5) for ours, theirs in zip(end, last, strict=True))


def test_gradients_pass_through_the_state() -> None:
    mamba, x = block(), sequence().requires_grad_()
    _, state = mamba(x[:, :5])
    y, _ = mamba(x[:, 5:], MambaState(*state))
    (through,) = torch.autograd.grad(y.sum(), x)
    (whole,) = torch.autograd.grad(mamba(x)[0][:, 5:].sum(), x)
    assert through[:, :5].abs().max() > 0
    assert close(through, whole, 1e-4)


def test_every_parameter_learns() -> None:
    mamba = block()
    mamba(sequence())[0].square().sum().backward()
    for name, value in mamba.named_parameters():
        assert value.grad is not None
        assert value.grad.abs().max() > 0, name


@pytest.mark.parametrize("options", [{"d_conv": 1}, {"expand": 1, "d_state": 5, "dt_rank": 7}, {"bias": True}], ids=str)
def test_other_sizes(options: dict[str, Any]) -> None:
    mamba, reference = (block(backend=backend, **options) for backend in ("cpu", "reference"))
    assert close(mamba(sequence())[0].detach(), reference(sequence())[0].detach(), 1e-5)


def test_no_later_input_reaches_back() -> None:
    mamba, x = block(), sequence().requires_grad_()
    (gradient,) = torch.autograd.grad(mamba(x)[0][:, 9].sum(), x)
    assert gradient[:, 9].abs().max() > 0
    assert gradient[:, 10:].abs().max() == 0


def test_a_start_that_there_is_not_is_refused() -> None:
    with pytest.raises(ValueError, match="dt_init must be"):
        Mamba(32, dt_init="zeros")  # type: ignore[arg-type]
