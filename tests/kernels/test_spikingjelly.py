"""Beside spikingjelly: the same spikes, states and gradients, and what has no exact counterpart is refused by name."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from neuroact.errors import MissingExtra
from neuroact.kernels.nn import LIF, PLIF, CubaLIF, DelayedResetLIF, from_spikingjelly, to_spikingjelly

pytest.importorskip("spikingjelly")

from spikingjelly.activation_based import neuron, surrogate


def cuba(node: Any, *, detach_reset: bool, step_mode: str) -> Any:
    """A `CUBALIFNode` takes these two after it is made."""
    node.detach_reset, node.step_mode = detach_reset, step_mode
    return node


NODES = {
    "IF, soft": lambda **o: neuron.IFNode(v_reset=None, **o),
    "IF": lambda **o: neuron.IFNode(v_threshold=1.5, **o),
    "IF, rest below 0": lambda **o: neuron.IFNode(v_reset=-0.5, **o),
    "LIF, soft": lambda **o: neuron.LIFNode(tau=5.0, v_reset=None, **o),
    "LIF, soft, input not decayed": lambda **o: neuron.LIFNode(tau=5.0, v_reset=None, decay_input=False, **o),
    "LIF": lambda **o: neuron.LIFNode(**o),
    "LIF, rest above 0": lambda **o: neuron.LIFNode(tau=3.0, v_reset=0.3, **o),
    "LIF, rest below 0, input not decayed": lambda **o: neuron.LIFNode(v_reset=-0.7, decay_input=False, **o),
    "CUBA, soft": lambda **o: cuba(neuron.CUBALIFNode(v_reset=None), **o),
    "CUBA": lambda **o: cuba(neuron.CUBALIFNode(0.3, 0.6, v_threshold=0.8, surrogate_function=surrogate.ATan()), **o),
    "PLIF, soft": lambda **o: neuron.ParametricLIFNode(init_tau=3.0, v_reset=None, **o),
    "PLIF": lambda **o: neuron.ParametricLIFNode(v_threshold=0.8, **o),
    "PLIF, rest below 0, input not decayed": lambda **o: neuron.ParametricLIFNode(v_reset=-0.7, decay_input=False, **o),
}
SURROGATES = [
    (surrogate.ATan(3.0), "atan", 3.0),
    (surrogate.Sigmoid(4.0), "sigmoid", 4.0),
    (surrogate.Rect(1.5), "rectangle", 1.5),
    (surrogate.PiecewiseQuadratic(0.7), "piecewise_quadratic", 0.7),
    (surrogate.SuperSpike(1.0), "super_spike", 1.0),
    (surrogate.SoftSign(2.0), "super_spike", 2.0),
]


def current(dtype: torch.dtype, seed: int = 0) -> Tensor:
    """Input that makes neurons spike at about a fifth of the steps, of which there are 12."""
    generator = torch.Generator().manual_seed(seed)
    return 1.5 * torch.randn((12, 5, 8), generator=generator, dtype=dtype).requires_grad_()


def gradients(spikes: Tensor, v: Tensor, leaves: list[Tensor]) -> tuple[Tensor, ...]:
    """Of a loss in which every spike and the last potentials count differently."""
    weights = torch.linspace(-1, 1, spikes.numel(), dtype=spikes.dtype).reshape(spikes.shape)
    return torch.autograd.grad((weights * spikes).sum() + (weights[0] * v).sum(), leaves)


def assert_same(node: Any, module: nn.Module, dtype: torch.dtype) -> None:
    node, module = node.to(dtype), module.to(dtype)
    x = current(dtype)
    spikes, state = module(x)
    node.reset()
    expected = node(x)
    v = state.v if isinstance(module, CubaLIF) else state
    rest = node.v_reset or 0.0
    assert 0 < expected.mean() < 0.6
    assert torch.equal(spikes, expected)
    learned = [(module.w, node.w)] if isinstance(module, PLIF) else []
    ours = gradients(spikes, v, [x, *(w for w, _ in learned)])
    theirs = gradients(expected, node.v - rest, [x, *(w for _, w in learned)])
    signs = [1, -1]
    tolerance = {"rtol": 1e-10, "atol": 1e-12} if dtype == torch.float64 else {"rtol": 2e-4, "atol": 1e-5}
    torch.testing.assert_close(v, node.v - rest, **tolerance)
    if isinstance(module, CubaLIF):
        torch.testing.assert_close(state.u, node.c, **tolerance)
    for sign, gradient, their_gradient in zip(signs, ours, theirs, strict=False):
        torch.testing.assert_close(gradient, sign * their_gradient, **tolerance)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("detach_reset", [False, True], ids=["attached", "detached"])
@pytest.mark.parametrize("name", NODES)
def test_a_node_and_its_module_do_the_same(name: str, detach_reset: bool, dtype: torch.dtype) -> None:
    node = NODES[name](detach_reset=detach_reset, step_mode="m")
    assert_same(node, from_spikingjelly(node), dtype)


@pytest.mark.parametrize(("function", "name", "alpha"), SURROGATES, ids=[name for _, name, _ in SURROGATES])
def test_surrogates_agree(function: nn.Module, name: str, alpha: float) -> None:
    node = neuron.LIFNode(surrogate_function=function, step_mode="m")
    module = from_spikingjelly(node)
    assert (module.surrogate, module.alpha) == (name, alpha)
    assert_same(node, module, torch.float64)
    assert type(to_spikingjelly(module).surrogate_function) is type(function)


@pytest.mark.parametrize(
    "module",
    [
        LIF(1.0),
        LIF(1.0, v_reset=0.0, v_threshold=1.2),
        LIF(0.7, detach_reset=True),
        LIF(0.7, v_reset=0.0, input_scale=0.3),
        LIF(0.7, v_threshold=torch.tensor(0.8)),
        LIF(0.7, surrogate="triangle", alpha=1.0),
        PLIF(0.7),
        CubaLIF(0.3, 0.6, v_threshold=0.8, detach_reset=True),
        PLIF(0.4, input_scale=1.0, v_reset=0.0),
    ],
    ids=str,
)
def test_a_module_and_its_node_do_the_same(module: Any) -> None:
    node = to_spikingjelly(module)
    assert_same(node, module, torch.float64)
    assert_same(node, from_spikingjelly(node), torch.float64)


def test_states_are_handed_over_less_their_rest() -> None:
    node = neuron.LIFNode(tau=3.0, v_reset=-0.4, step_mode="m")
    module = from_spikingjelly(node)
    x = current(torch.float64).detach()
    node(x[:5])
    spikes, v = module(x[5:], node.v + 0.4)
    assert torch.equal(spikes, node(x[5:]))
    torch.testing.assert_close(v, node.v + 0.4)


def test_both_spike_at_the_threshold_itself() -> None:
    x = torch.ones(1, 1)
    node = neuron.IFNode(step_mode="m")
    assert from_spikingjelly(node)(x)[0].item() == node(x).item() == 1


def test_parameters_are_copies() -> None:
    node = neuron.ParametricLIFNode(step_mode="m")
    module = from_spikingjelly(node)
    back = to_spikingjelly(module)
    with torch.no_grad():
        module.w.add_(1)
    assert node.w.item() == back.w.item() == 0


class Derived(neuron.LIFNode):  # type: ignore[misc, name-defined]
    pass


def precise() -> nn.Module:
    node = neuron.LIFNode(step_mode="m")
    node._neuron_precision = ("bf16", "fp32", "fp32")
    return node


@pytest.mark.parametrize(
    ("node", "named"),
    [
        (neuron.LIFNode(), "step_mode"),
        (neuron.LIFNode(step_mode="m", store_v_seq=True), "store_v_seq"),
        (precise(), "precision"),
        (Derived(step_mode="m"), "Derived"),
        (neuron.QIFNode(step_mode="m"), "QIFNode"),
        (cuba(neuron.CUBALIFNode(v_reset=0.1), detach_reset=False, step_mode="m"), "v_reset"),
        (neuron.LIFNode(step_mode="m", surrogate_function=surrogate.Erf()), "Erf"),
        (neuron.LIFNode(step_mode="m", surrogate_function=surrogate.SuperSpike(2.0)), r"SuperSpike\(alpha=2.0\)"),
        (neuron.LIFNode(step_mode="m", surrogate_function=surrogate.SoftSign(1.0)), r"SoftSign\(alpha=1.0\)"),
        (neuron.LIFNode(step_mode="m", surrogate_function=surrogate.ATan(spiking=False)), "spiking"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_nodes_without_a_counterpart_are_refused(node: nn.Module, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        from_spikingjelly(node)


@pytest.mark.parametrize(
    ("module", "named"),
    [
        (LIF(0.5, v_reset=-0.1), "v_reset"),
        (LIF(0.5, input_scale=2.0), "input_scale"),
        (LIF(1.0, input_scale=0.5), "input_scale"),
        (LIF(0.0), "decay"),
        (CubaLIF(0.5, 0.5, input_scale=2.0), "input_scale"),
        (CubaLIF(0.5, 0.5, learnable=("current_decay",)), "current_decay"),
        (LIF(0.5, learnable=("v_threshold",)), "v_threshold is learned"),
        (LIF(0.5, v_threshold=torch.ones(3), channels=3), "v_threshold differs"),
        (PLIF(0.5, channels=3), "w has shape"),
        (PLIF(0.5, input_scale=2.0), "input_scale"),
        (LIF(0.5, surrogate="triangle", alpha=2.0), "triangle"),
        (LIF(0.5, surrogate="super_spike", alpha=3.0), "super_spike"),
        (DelayedResetLIF(0.5), "DelayedResetLIF"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_modules_without_a_counterpart_are_refused(module: Any, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        to_spikingjelly(module)


def test_the_missing_peer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("spikingjelly.activation_based.neuron", "spikingjelly.activation_based"):
        monkeypatch.setitem(__import__("sys").modules, name, None)
    with pytest.raises(MissingExtra, match=r"neuroact\[spikingjelly\]"):
        from_spikingjelly(nn.Identity())
