"""The modules of spiking neurons: what they add to the scans, which have tests of their own."""

import copy
import math
from collections.abc import Iterable
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import neuroact.kernels.nn as package
from neuroact.kernels.adaptive import adaptive_lif_scan
from neuroact.kernels.cuba import cuba_lif_scan
from neuroact.kernels.lif import lif_scan
from neuroact.kernels.nn import LIF, PLIF, AdaptiveLIF, CubaLIF, DelayedResetCubaLIF, DelayedResetLIF

MODULES = {
    "LIF": lambda **o: LIF(0.8, **o),
    "LIF, hard": lambda **o: LIF(0.8, v_reset=-0.2, input_scale=0.9, **o),
    "PLIF": lambda **o: PLIF(0.7, v_threshold=0.6, **o),
    "PLIF, input not scaled": lambda **o: PLIF(0.7, input_scale=1.0, **o),
    "CubaLIF": lambda **o: CubaLIF(0.4, 0.7, **o),
    "AdaptiveLIF": lambda **o: AdaptiveLIF(0.8, 0.9, 0.3, **o),
    "DelayedResetLIF": lambda **o: DelayedResetLIF(0.7, **o),
    "DelayedResetCubaLIF": lambda **o: DelayedResetCubaLIF(0.4, 0.7, **o),
}
LEARNABLE = {
    LIF: ("decay", "v_threshold", "input_scale"),
    PLIF: ("v_threshold",),
    CubaLIF: ("current_decay", "decay", "v_threshold", "input_scale"),
    AdaptiveLIF: ("decay", "rho", "beta", "v_threshold", "input_scale"),
    DelayedResetLIF: ("decay", "v_threshold", "input_scale"),
    DelayedResetCubaLIF: ("current_decay", "decay", "v_threshold", "input_scale"),
}


@pytest.fixture(params=MODULES)
def make(request: pytest.FixtureRequest) -> Any:
    """Builds one of the modules, given options that all take."""
    return MODULES[request.param]


def current(*shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return 1.5 * torch.randn(shape, generator=torch.Generator().manual_seed(1), dtype=dtype)


def learning(make: Any, **options: Any) -> Any:
    """A module that learns all that it can, in float64."""
    return make(learnable=LEARNABLE[type(make())], **options).double()


def scanned(module: Any, x: Tensor, state: Any = None) -> tuple[Tensor, ...]:
    """Spikes, and the last states, of which there are one or two."""
    spikes, last = module(x, state)
    return (spikes, *(last if isinstance(last, tuple) else (last,)))


def total(tensors: Iterable[Tensor]) -> Tensor:
    return torch.stack([tensor.sum() for tensor in tensors]).sum()


def test_all_is_exactly_what_is_exported() -> None:
    names = {name for name, value in vars(package).items() if not isinstance(value, ModuleType)}
    assert set(package.__all__) == {name for name in names if not name.startswith("_")}


def test_a_module_holds_no_state(make: Any) -> None:
    module, x = make(), current(6, 3, 4)
    first, again = scanned(module, x), scanned(module, x)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))


def test_a_sequence_cut_in_two_gives_the_same(make: Any) -> None:
    module, x = make(), current(9, 3, 4)
    spikes, *last = scanned(module, x)
    first, state = module(x[:4])
    second, *end = scanned(module, x[4:], state)
    assert spikes.any()
    assert torch.equal(torch.cat((first, second)), spikes)
    torch.testing.assert_close(end, last, rtol=1e-12, atol=1e-12)


def test_gradients_flow_through_the_state_that_is_carried(make: Any) -> None:
    module, x = make(), current(9, 3, 4).requires_grad_()
    whole = torch.autograd.grad(total(scanned(module, x)[1:]), x)[0]
    cut = torch.autograd.grad(total(scanned(module, x[4:], module(x[:4])[1])[1:]), x)[0]
    assert whole[:4].any()
    torch.testing.assert_close(cut, whole)


def test_no_steps_leave_the_state(make: Any) -> None:
    module = make()
    _, *state = scanned(module, current(5, 3, 4))
    spikes, *last = scanned(module, current(0, 3, 4), state if len(state) > 1 else state[0])
    assert spikes.shape == (0, 3, 4)
    torch.testing.assert_close(last, state)


@pytest.mark.parametrize(("shape", "channel_dim"), [((7, 2, 3), -1), ((7, 2, 3, 4, 5), 2), ((7, 2, 3, 4, 5), -3)])
def test_each_channel_has_its_own_values(make: Any, shape: tuple[int, ...], channel_dim: int) -> None:
    """One module of three channels does and learns what three modules of one value do, each on its channel."""
    module, x = learning(make, channels=3, channel_dim=channel_dim), current(*shape)
    with torch.no_grad():
        for parameter in module.parameters():
            assert parameter.shape == (3,)
            parameter.mul_(torch.tensor([0.9, 1.0, 1.1]))
    spikes, *last = scanned(module, x)
    total((spikes, *last)).backward()
    for c in range(3):
        alone = learning(make)
        with torch.no_grad():
            for name, parameter in alone.named_parameters():
                parameter.copy_(module.get_parameter(name)[c])
        its_spikes, *its_last = scanned(alone, x.select(channel_dim, c))
        total((its_spikes, *its_last)).backward()
        assert torch.equal(spikes.select(channel_dim, c), its_spikes)
        for name, parameter in alone.named_parameters():
            assert parameter.grad != 0
            torch.testing.assert_close(module.get_parameter(name).grad[c], parameter.grad)


def test_a_value_given_as_a_tensor_stays_one_for_all_channels() -> None:
    module = LIF(torch.tensor(0.5), v_threshold=1.0, learnable=("decay", "v_threshold"), channels=3)
    assert (module.decay.shape, module.v_threshold.shape) == ((), (3,))


def test_a_reset_potential_is_learned_too() -> None:
    module = LIF(0.8, v_reset=0.0, learnable=("v_reset",), channels=4).double()
    module(current(7, 3, 4))[1].sum().backward()
    assert module.v_reset.grad.all()


def test_a_learned_decay_stays_within_its_range() -> None:
    module, x = LIF(0.9, learnable=("decay",)), current(5, 3, dtype=torch.float32)
    with torch.no_grad():
        module.decay.fill_(1.3)
    assert torch.equal(module(x)[1], LIF(1.0)(x)[1])


def test_plif_learns_a_decay_and_the_scale_that_goes_with_it() -> None:
    module, x = PLIF(0.7).double(), current(6, 3)
    assert module.decay.item() == pytest.approx(0.7)
    expected = lif_scan(x, decay=module.decay, input_scale=1 - module.decay)[1]
    torch.testing.assert_close(module(x)[1], expected)
    ours, theirs = (torch.autograd.grad(v.sum(), module.w)[0] for v in (module(x)[1], expected))
    torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("module", [LIF, PLIF])
def test_time_constants(module: Any) -> None:
    assert torch.as_tensor(module.from_tau(4.0).decay).item() == pytest.approx(math.exp(-1 / 4))
    taus = torch.tensor([2.0, 3.0])
    torch.testing.assert_close(module.from_tau(taus, channels=2).decay.detach(), torch.exp(-1 / taus))
    with pytest.raises(ValueError, match="tau"):
        module.from_tau(0.0)


def test_time_constants_of_two_states() -> None:
    cuba, adaptive = CubaLIF.from_tau(2.0, 4.0), AdaptiveLIF.from_tau(2.0, 4.0, 0.1, v_threshold=0.5)
    assert (cuba.current_decay, cuba.decay) == (math.exp(-1 / 2), math.exp(-1 / 4))
    assert (adaptive.decay, adaptive.rho, adaptive.beta) == (math.exp(-1 / 2), math.exp(-1 / 4), 0.1)


def test_the_delayed_reset_is_the_equation_that_it_states() -> None:
    x = current(12, 40)
    for decay in (2.0**-10, 0.3, 0.9, 1.0):
        spikes, last = DelayedResetLIF(decay, v_threshold=0.7, input_scale=0.8)(x)
        m, s = torch.zeros(40), torch.zeros(40)
        for t in range(12):
            m = decay * m + 0.8 * x[t] - s * 0.7
            s = (m >= 0.7).double()
            assert torch.equal(spikes[t], s)
        torch.testing.assert_close(last, m, rtol=0, atol=1e-12)


def test_the_delayed_reset_behind_a_synapse_is_the_equation_that_it_states() -> None:
    x = current(12, 40)
    for decay in (2.0**-10, 0.6, 1.0):
        spikes, last = DelayedResetCubaLIF(0.4, decay, v_threshold=0.7, input_scale=0.8)(x)
        u, m, s = torch.zeros(40), torch.zeros(40), torch.zeros(40)
        for t in range(12):
            u = 0.4 * u + 0.8 * x[t]
            m = decay * m + u - s * 0.7
            s = (m >= 0.7).double()
            assert torch.equal(spikes[t], s)
        torch.testing.assert_close(last, (u, m), rtol=0, atol=1e-12)


def test_states_have_names() -> None:
    x = current(5, 3)
    spikes, u, v = cuba_lif_scan(x, current_decay=0.4, decay=0.7)
    state = CubaLIF(0.4, 0.7)(x)[1]
    assert torch.equal(state.u, u)
    assert torch.equal(state.v, v)
    spikes, v, a = adaptive_lif_scan(x, decay=0.8, rho=0.9, beta=0.3)
    state = AdaptiveLIF(0.8, 0.9, 0.3)(x)[1]
    assert torch.equal(state.v, v)
    assert torch.equal(state.a, a)
    assert spikes.any()


def test_a_state_dict_carries_what_is_learned_and_what_is_given_as_a_tensor(make: Any) -> None:
    module, x = learning(make, channels=4), current(6, 3, 4)
    other = learning(make, channels=4)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.mul_(0.9)
    last = scanned(module, x)[-1]
    assert not torch.equal(scanned(other, x)[-1], last)
    other.load_state_dict(module.state_dict())
    assert torch.equal(scanned(other, x)[-1], last)
    assert torch.equal(scanned(copy.deepcopy(module), x)[-1], last)
    assert list(LIF(0.5, v_threshold=torch.ones(2), channels=2).state_dict()) == ["v_threshold"]


def test_compiled_without_a_break(make: Any) -> None:
    module, x = learning(make, channels=4), current(6, 3, 4).requires_grad_()
    compiled = torch.compile(module, fullgraph=True, backend="aot_eager")
    leaves = [x, *module.parameters()]
    ours, theirs = scanned(compiled, x), scanned(module, x)
    assert torch.equal(ours[0], theirs[0])
    torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close(*(torch.autograd.grad(total(outputs), leaves) for outputs in (ours, theirs)))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_low_precision_in_and_out(make: Any, dtype: torch.dtype) -> None:
    spikes, *states = scanned(make(), current(6, 3, 4).to(dtype))
    assert [spikes.dtype, *(state.dtype for state in states)] == [dtype] + [torch.float32] * len(states)


def test_the_backend_can_be_forced(make: Any) -> None:
    x = current(6, 3, 4)
    assert torch.equal(make(backend="reference")(x)[0], make(backend="cpu")(x)[0])


def test_the_options_reach_the_scan(make: Any) -> None:
    def gradient(**options: Any) -> Tensor:
        x = current(6, 3, 4).requires_grad_()
        return torch.autograd.grad(make(**options)(x)[0].sum(), x)[0]

    assert not torch.equal(gradient(), gradient(surrogate="triangle"))
    assert not torch.equal(gradient(), gradient(alpha=3.0))


def test_it_says_what_it_is() -> None:
    module = LIF(0.5, v_threshold=torch.tensor(0.7), learnable=("decay",), channels=3, channel_dim=2)
    assert repr(module) == (
        "LIF(decay=(3,) learnable, v_threshold=0.7, v_reset=None, input_scale=1.0, channels=3, channel_dim=2, "
        "surrogate='atan', alpha=2.0, detach_reset=False)"
    )
    assert "w=0 learnable" in repr(PLIF(0.5))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: LIF(1.1), "decay must be within"),
        (lambda: LIF(math.nan), "decay must be within"),
        (lambda: DelayedResetLIF(0.0), "decay must be within"),
        (lambda: CubaLIF(-0.1, 0.5), "current_decay must be within"),
        (lambda: AdaptiveLIF(0.5, 1.1, 0.1), "rho must be within"),
        (lambda: PLIF(1.0), "decay must be between"),
        (lambda: LIF(0.5, learnable=("tau",)), "tau"),
        (lambda: LIF(0.5, learnable=("v_reset",)), "v_reset is None"),
        (lambda: LIF(0.5, v_threshold=torch.ones(3)), r"\(3,\)"),
        (lambda: LIF(0.5, v_threshold=torch.ones(3, 1), channels=3), r"\(3, 1\)"),
        (lambda: LIF(0.5, channel_dim=0), "time"),
        (lambda: LIF(0.5, surrogate="tent"), "surrogate"),  # type: ignore[arg-type]
    ],
)
def test_values_that_do_not_fit_are_refused(build: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build()


@pytest.mark.parametrize(("shape", "channel_dim"), [((5, 2, 4), -1), ((5,), -1), ((5, 3), 2), ((3, 5), -2)])
def test_an_input_of_other_channels_is_refused(shape: tuple[int, ...], channel_dim: int) -> None:
    module: nn.Module = LIF(0.5, learnable=("decay",), channels=3, channel_dim=channel_dim)
    with pytest.raises(ValueError, match="has not 3 channels"):
        module(torch.zeros(shape))
