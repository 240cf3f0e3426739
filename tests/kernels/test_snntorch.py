"""Beside snnTorch: the same spikes, states and gradients, and what has no exact counterpart is refused by name."""

import sys
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from neuroact.errors import MissingExtra
from neuroact.kernels.nn import LIF, PLIF, CubaLIF, DelayedResetCubaLIF, DelayedResetLIF, from_snntorch, to_snntorch

pytest.importorskip("snntorch")

import snntorch
from snntorch import surrogate

NAMES = {"decay": "beta", "v_threshold": "threshold", "current_decay": "alpha"}
PER_NEURON = torch.linspace(0.2, 0.9, 8)
NEURONS = {
    "subtract": lambda: snntorch.Leaky(beta=0.8),
    "subtract, below half": lambda: snntorch.Leaky(beta=0.3, threshold=0.7),
    "subtract, no leak": lambda: snntorch.Leaky(beta=1.0),
    "subtract, beta above 1": lambda: snntorch.Leaky(beta=1.5),
    "subtract, learned": lambda: snntorch.Leaky(beta=0.8, learn_beta=True, learn_threshold=True),
    "subtract, learned, one a neuron": lambda: snntorch.Leaky(beta=PER_NEURON, learn_beta=True, learn_threshold=True),
    "subtract, one a channel": lambda: snntorch.Leaky(beta=0.8, threshold=torch.linspace(0.5, 1, 5).reshape(5, 1)),
    "zero": lambda: snntorch.Leaky(beta=0.8, reset_mechanism="zero"),
    "zero, learned": lambda: snntorch.Leaky(beta=0.8, reset_mechanism="zero", learn_beta=True, learn_threshold=True),
    "zero, at once": lambda: snntorch.Leaky(beta=0.8, reset_mechanism="zero", reset_delay=False),
    "zero, at once, learned": lambda: snntorch.Leaky(
        beta=0.8, reset_mechanism="zero", reset_delay=False, learn_beta=True, learn_threshold=True
    ),
    "Synaptic": lambda: snntorch.Synaptic(alpha=0.6, beta=0.7),
    "Synaptic, learned": lambda: snntorch.Synaptic(
        alpha=0.6, beta=PER_NEURON, learn_alpha=True, learn_beta=True, learn_threshold=True
    ),
    "Synaptic, zero, at once, learned": lambda: snntorch.Synaptic(
        alpha=0.6, beta=0.7, reset_mechanism="zero", reset_delay=False, learn_alpha=True, learn_beta=True
    ),
    "Lapicque": lambda: snntorch.Lapicque(beta=0.8, time_step=0.5, threshold=0.2),
    "Lapicque, RC": lambda: snntorch.Lapicque(R=1.5, C=1.2, time_step=0.6, threshold=0.5),
}
SURROGATES = [
    (surrogate.atan(alpha=3.0), "atan", 3.0),
    (surrogate.fast_sigmoid(slope=5), "super_spike", 5.0),
    (surrogate.sigmoid(slope=4), "sigmoid", 4.0),
]


def current(dtype: torch.dtype) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn((12, 5, 8), generator=generator, dtype=dtype).requires_grad_()


def run(neuron: Any, x: Tensor, state: tuple[Tensor, ...] | None = None) -> tuple[Tensor, tuple[Tensor, ...]]:
    """All steps of a neuron of snnTorch, and its state after the last: mem, or syn and mem."""
    if state is None:
        state = (torch.zeros_like(x[0]),) * (2 if isinstance(neuron, snntorch.Synaptic) else 1)
    spikes = []
    for x_t in x:
        s, *state = neuron(x_t, *state)
        spikes.append(s)
    return torch.stack(spikes), tuple(state)


def gradients(spikes: Tensor, state: tuple[Tensor, ...], leaves: list[Tensor]) -> tuple[Tensor, ...]:
    """Of a loss in which every spike and the last states count differently."""
    weights = torch.linspace(-1, 1, spikes.numel(), dtype=torch.float32).reshape(spikes.shape)
    ends = sum((weights[n] * last).sum() for n, last in enumerate(state))
    return torch.autograd.grad((weights * spikes).sum() + ends, leaves)


def assert_same(neuron: Any, module: Any, dtype: torch.dtype) -> None:
    neuron, module = neuron.to(dtype), module.to(dtype)
    x = current(dtype)
    spikes, last = module(x)
    state = last if isinstance(last, tuple) else (last,)
    expected, their_state = run(neuron, x)
    if type(module) is LIF and neuron.reset_delay:  # then snnTorch's is the potential before its reset
        their_state = (their_state[0] * (1 - expected[-1].detach()),)
    assert 0.05 < expected.mean() < 0.6
    assert torch.equal(spikes, expected.to(dtype))
    learned = [
        (getattr(module, ours), getattr(neuron, theirs))
        for ours, theirs in NAMES.items()
        if isinstance(getattr(module, ours, None), nn.Parameter)
    ]
    gradients_here = gradients(spikes, state, [x, *(parameter for parameter, _ in learned)])
    gradients_there = gradients(expected, their_state, [x, *(parameter for _, parameter in learned)])
    # snnTorch's spikes, the gradients that come back to them and its constants are float32 whatever the input is
    tolerance = {"rtol": 1e-5, "atol": 1e-7} if dtype == torch.float64 else {"rtol": 5e-4, "atol": 5e-5}
    for ours, theirs in zip((*state, *gradients_here), (*their_state, *gradients_there), strict=True):
        torch.testing.assert_close(ours, theirs.reshape(ours.shape), **tolerance)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("name", NEURONS)
def test_a_neuron_and_its_module_do_the_same(name: str, dtype: torch.dtype) -> None:
    neuron = NEURONS[name]()
    module = from_snntorch(neuron)
    for ours, theirs in NAMES.items():
        learned = isinstance(getattr(neuron, theirs, None), nn.Parameter)
        assert isinstance(getattr(module, ours, None), nn.Parameter) == learned
    assert_same(neuron, module, dtype)


@pytest.mark.parametrize(("function", "name", "alpha"), SURROGATES, ids=[name for _, name, _ in SURROGATES])
def test_surrogates_agree(function: Any, name: str, alpha: float) -> None:
    neuron = snntorch.Leaky(beta=0.8, spike_grad=function)
    module = from_snntorch(neuron)
    assert (module.surrogate, module.alpha) == (name, alpha)
    assert_same(neuron, module, torch.float64)
    assert from_snntorch(to_snntorch(module)).surrogate == name


@pytest.mark.parametrize(
    "module",
    [
        DelayedResetLIF(0.6, v_threshold=0.8),
        DelayedResetLIF(0.6, learnable=("decay", "v_threshold"), channels=8),
        DelayedResetLIF(torch.linspace(0.5, 1, 5), channels=5, channel_dim=-2),
        DelayedResetCubaLIF(0.3, 0.6, learnable=("current_decay", "v_threshold"), channels=8),
        CubaLIF(0.3, 0.6, v_reset=0.0),
        LIF(0.6, v_reset=0.0, detach_reset=True),
        LIF(0.6, v_reset=0.0, learnable=("decay",)),
    ],
    ids=str,
)
def test_a_module_and_its_neuron_do_the_same(module: Any) -> None:
    neuron = to_snntorch(module)
    assert_same(neuron, module, torch.float64)
    assert_same(neuron, from_snntorch(neuron), torch.float64)


@pytest.mark.parametrize("reset", ["subtract", "zero"])
def test_states_are_handed_over(reset: str) -> None:
    neuron = snntorch.Leaky(beta=0.8, reset_mechanism=reset)
    module = from_snntorch(neuron)
    x = current(torch.float64).detach()
    first, (mem,) = run(neuron, x[:5])
    assert first[-1].any()
    state = mem if reset == "subtract" else torch.where(mem > neuron.threshold, 0, mem)
    assert torch.equal(module(x[5:], state)[0], run(neuron, x[5:], (mem,))[0].double())


def test_a_reset_of_its_own_step_is_another_neuron() -> None:
    """Why "subtract" has a module of its own: LIF subtracts the threshold before the leak."""
    x = current(torch.float64).detach()
    assert not torch.equal(LIF(0.8)(x)[0], run(snntorch.Leaky(beta=0.8), x)[0].double())


def test_snntorch_spikes_above_the_threshold_and_we_at_it() -> None:
    x = torch.ones(1, 1)
    neuron = snntorch.Leaky(beta=0.5)
    assert run(neuron, x)[0].item() == 0
    assert from_snntorch(neuron)(x)[0].item() == 1


def test_snntorch_has_no_gradient_where_its_sigmoid_overflows() -> None:
    x = torch.full((1, 1), -5.0, requires_grad=True)
    neuron = snntorch.Leaky(beta=0.5, spike_grad=surrogate.sigmoid(slope=25))
    assert torch.autograd.grad(run(neuron, x)[0].sum(), x)[0].isnan()
    assert torch.autograd.grad(from_snntorch(neuron)(x)[0].sum(), x)[0].item() == pytest.approx(0, abs=1e-30)


@pytest.mark.parametrize(
    ("neuron", "named"),
    [
        (lambda: snntorch.Leaky(beta=0.5, reset_mechanism="none"), "reset_mechanism"),
        (lambda: snntorch.Leaky(beta=0.5, reset_delay=False), "reset_delay"),
        (lambda: snntorch.Leaky(beta=0.5, state_quant=torch.round), "state_quant"),
        (lambda: snntorch.Leaky(beta=0.5, surrogate_disable=True), "surrogate_disable"),
        (lambda: snntorch.Leaky(beta=0.5, graded_spikes_factor=2.0), "graded_spikes_factor"),
        (lambda: snntorch.Leaky(beta=0.5, learn_graded_spikes_factor=True), "graded_spikes_factor"),
        (lambda: snntorch.Leaky(beta=0.5, threshold=-1.0), "threshold"),
        (lambda: snntorch.Leaky(beta=0.0), "decay"),
        (lambda: snntorch.Leaky(beta=1.5, learn_beta=True), "decay"),
        (lambda: snntorch.Leaky(beta=torch.full((3, 4), 0.5)), "more than one dimension"),
        (lambda: snntorch.Leaky(beta=torch.full((4,), 0.5), threshold=torch.ones(3, 1)), "different dimensions"),
        (lambda: snntorch.Leaky(beta=0.5, spike_grad=surrogate.triangular()), "triangular"),
        (lambda: snntorch.Leaky(beta=0.5, spike_grad=torch.sigmoid), "spike_grad"),
        (lambda: snntorch.Lapicque(beta=0.5, reset_mechanism="zero"), "reset_mechanism"),
        (lambda: snntorch.Lapicque(beta=0.5, learn_beta=True), "beta is learned"),
        (lambda: snntorch.Synaptic(alpha=0.9, beta=0.5, reset_mechanism="zero"), "reset_mechanism"),
        (lambda: snntorch.Synaptic(alpha=0.9, beta=0.5, reset_delay=False), "reset_delay"),
        (lambda: snntorch.Alpha(alpha=0.9, beta=0.8), "Alpha"),
    ],
)
def test_neurons_without_a_counterpart_are_refused(neuron: Any, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        from_snntorch(neuron())


@pytest.mark.filterwarnings("ignore:Inhibition is an unstable feature:UserWarning")
def test_inhibition_is_refused() -> None:
    with pytest.raises(ValueError, match="inhibition"):
        from_snntorch(snntorch.Leaky(beta=0.5, inhibition=True))


@pytest.mark.parametrize(
    ("module", "named"),
    [
        (LIF(0.5), "v_reset"),
        (LIF(0.5, v_reset=0.5), "v_reset"),
        (LIF(0.5, v_reset=0.0, input_scale=2.0), "input_scale"),
        (DelayedResetLIF(0.5, learnable=("input_scale",)), "input_scale"),
        (DelayedResetLIF(0.5, surrogate="rectangle"), "rectangle"),
        (DelayedResetLIF(torch.full((3,), 0.5), channels=3, channel_dim=2), "channel_dim"),
        (CubaLIF(0.5, 0.5, v_reset=0.0, detach_reset=True), "detach_reset"),
        (PLIF(0.5), "PLIF"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_modules_without_a_counterpart_are_refused(module: Any, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        to_snntorch(module)


def test_the_missing_peer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "snntorch", None)
    with pytest.raises(MissingExtra, match=r"neuroact\[snntorch\]"):
        from_snntorch(nn.Identity())
