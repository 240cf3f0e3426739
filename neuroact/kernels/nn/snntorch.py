"""Neurons of snnTorch as modules of ours, and back: same spikes, same gradients.

snnTorch works step by step, `spk, mem = neuron(x_t, mem)`; our modules take all steps at once. Its reset R is that of
the spike before, found by comparing the potential that it is given with the threshold, and passes on no gradient:

    Leaky, "subtract":  mem[t] = beta mem[t-1] + x[t] - R threshold             `DelayedResetLIF`
    Leaky, "zero":      mem[t] = beta (1 - R) mem[t-1] + x[t]                   `LIF`, v_reset=0, detach_reset=True
    reset_delay=False:  the potential returned is already reset, by a spike     `LIF`, v_reset=0, if it resets to "zero"
                        whose gradient does pass through
    Lapicque:           as Leaky, beta = 1 - dt / RC and x scaled by dt / C     `DelayedResetLIF`
    Synaptic:           as Leaky, x[t] replaced by syn[t] = alpha syn[t-1] + x[t]
                        "subtract"                                              `DelayedResetCubaLIF`
                        "zero", reset_delay=False                               `CubaLIF`, v_reset=0

So the state of the second, mem, is the potential before its reset, and ours the one after: hand over
`torch.where(mem > threshold, 0, mem)`. What is left differs in the last bit, and where a potential equals the
threshold: snnTorch spikes above it, we spike at it.
"""

from __future__ import annotations

from importlib import import_module
from inspect import getclosurevars
from typing import Any

from torch import Tensor, nn

from neuroact.errors import MissingExtra
from neuroact.kernels.nn.cuba import CubaLIF
from neuroact.kernels.nn.delayed import DelayedResetCubaLIF, DelayedResetLIF
from neuroact.kernels.nn.lif import LIF
from neuroact.kernels.nn.neuron import Neuron
from neuroact.kernels.surrogates import Surrogate

SURROGATES: dict[str, tuple[Surrogate, str]] = {
    "atan": ("atan", "alpha"), "fast_sigmoid": ("super_spike", "slope"), "sigmoid": ("sigmoid", "slope"),
}  # fmt: skip
"""By their names there: ours, and what they call its alpha."""


NAMES = {"decay": "beta", "v_threshold": "threshold", "current_decay": "alpha"}
"""What snnTorch calls our values."""


def from_snntorch(neuron: nn.Module) -> LIF | CubaLIF | DelayedResetLIF | DelayedResetCubaLIF:
    """The module that does, for all time steps at once, what a neuron of snnTorch does for one.

    - `neuron`: a `Leaky`, `Synaptic` or `Lapicque`, not of a class derived from these. Its values are copied, and are
      parameters where it learns them; its hidden state is not copied.

    Raises `ValueError`, which names the attribute, for what cannot be represented exactly; `MissingExtra` without
    snntorch.
    """
    peer = _peer("snntorch")
    if type(neuron) not in (peer.Leaky, peer.Synaptic, peer.Lapicque):
        raise ValueError(f"{type(neuron).__name__} is not a Leaky, Synaptic or Lapicque")
    given: Any = neuron
    _refuse_what_is_not_ours(given)
    surrogate, alpha = _surrogate_from(given)
    options: dict[str, Any] = {"surrogate": surrogate, "alpha": alpha}
    if isinstance(neuron, peer.Lapicque):
        return DelayedResetLIF(**_lapicque(given), **options)
    synaptic = isinstance(neuron, peer.Synaptic)
    options |= _placed({ours: getattr(given, theirs) for ours, theirs in NAMES.items() if hasattr(given, theirs)})
    if given.reset_mechanism == "subtract":
        if not given.reset_delay:
            raise ValueError(
                "reset_delay=False with 'subtract' resets once more where a potential stays above threshold"
            )
        return DelayedResetCubaLIF(**options) if synaptic else DelayedResetLIF(**options)
    if not synaptic:
        return LIF(v_reset=0.0, detach_reset=given.reset_delay, **options)
    if given.reset_delay:
        raise ValueError("reset_mechanism 'zero' of Synaptic drops the current of the step after a spike; ours keep it")
    return CubaLIF(v_reset=0.0, **options)


def to_snntorch(module: Neuron) -> nn.Module:
    """The neuron of snnTorch, a `Leaky` or `Synaptic`, that does for one time step what `module` does for all.

    - `module`: a `DelayedResetLIF` or `DelayedResetCubaLIF`, or a `LIF` or `CubaLIF` with a reset to 0; with an input
      scale of 1.

    Raises `ValueError`, which names the attribute, for what cannot be represented exactly; `MissingExtra` without
    snntorch.
    """
    if type(module) not in (LIF, CubaLIF, DelayedResetLIF, DelayedResetCubaLIF):
        raise ValueError(f"{type(module).__name__} is not a LIF or CubaLIF, delayed or not")
    given: Any = module
    synaptic = isinstance(module, (CubaLIF, DelayedResetCubaLIF))
    options: dict[str, Any] = {"reset_mechanism": "subtract", "reset_delay": True}
    if isinstance(module, (LIF, CubaLIF)):
        if not _is_number(module.v_reset, 0):
            raise ValueError(f"v_reset is {module.v_reset}: snnTorch resets to 0, or as DelayedResetLIF does")
        if synaptic and module.detach_reset:
            raise ValueError("detach_reset is set, and Synaptic has only the reset that passes gradients on")
        options = {"reset_mechanism": "zero", "reset_delay": module.detach_reset}
    if not _is_number(given.input_scale, 1):
        raise ValueError(f"input_scale is {given.input_scale}, and snnTorch has none")
    for ours, theirs in NAMES.items():
        if hasattr(module, ours):
            options[theirs] = _as_it_stands(module, ours)
            options[f"learn_{theirs}"] = isinstance(getattr(module, ours), nn.Parameter)
    peer = _peer("snntorch")
    neuron: nn.Module = (peer.Synaptic if synaptic else peer.Leaky)(**options, spike_grad=_surrogate_to(module))
    return neuron


def _peer(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        raise MissingExtra("snntorch", "snntorch") from error


def _refuse_what_is_not_ours(neuron: Any) -> None:
    if neuron.reset_mechanism == "none":
        raise ValueError("reset_mechanism is 'none', and our neurons reset")
    for name in ("inhibition", "state_quant", "surrogate_disable"):
        if getattr(neuron, name):
            raise ValueError(f"{name} is set, and our neurons have nothing like it")
    factor = neuron.graded_spikes_factor
    if isinstance(factor, nn.Parameter) or not bool((factor == 1).all()):
        raise ValueError("graded_spikes_factor scales the spikes; ours are 0 and 1: scale them afterwards")
    if not bool((neuron.threshold >= 0).all()):
        raise ValueError("threshold is below 0: snnTorch's neurons would begin with a reset")


def _lapicque(neuron: Any) -> dict[str, Any]:
    if neuron.reset_mechanism == "zero":
        raise ValueError("reset_mechanism 'zero' of Lapicque drops the input of the step after a spike; ours keep it")
    if isinstance(neuron.beta, nn.Parameter):
        raise ValueError("beta is learned, but no equation of Lapicque has it: learn the decay of a Leaky")
    step, resistance, capacitance = (value.double() for value in (neuron.time_step, neuron.R, neuron.C))
    return _placed({
        "decay": 1 - step / (resistance * capacitance), "v_threshold": neuron.threshold,
        "input_scale": step / capacitance,
    })  # fmt: skip


def _placed(values: dict[str, Tensor]) -> dict[str, Any]:
    """snnTorch's values, whose shapes spread over the input, as arguments of a constructor of ours.

    A constant decay is clamped to [0, 1], as snnTorch does; a learned one has no gradient outside it, and is refused.
    """
    places = {(value.numel(), _channel_dim(name, value)) for name, value in values.items() if value.numel() > 1}
    if len(places) > 1:
        raise ValueError(f"{' and '.join(values)} differ between channels of different dimensions")
    channels, channel_dim = places.pop() if places else (None, -1)
    arguments: dict[str, Any] = {
        "channels": channels, "channel_dim": channel_dim,
        "learnable": [name for name, value in values.items() if isinstance(value, nn.Parameter)],
    }  # fmt: skip
    for name, value in values.items():
        if name.endswith("decay") and not isinstance(value, nn.Parameter):
            value = value.clamp(0, 1)
        single = value.numel() == 1
        constant = single and not isinstance(value, nn.Parameter)
        arguments[name] = value.item() if constant else value.detach().reshape(() if single else -1)
    return arguments


def _channel_dim(name: str, value: Tensor) -> int:
    """The one dimension in which a value differs, counted from the last."""
    varying = [axis - value.ndim for axis, size in enumerate(value.shape) if size > 1]
    if len(varying) > 1:
        raise ValueError(f"{name} has shape {tuple(value.shape)}, which differs in more than one dimension")
    return varying[0]


def _as_it_stands(module: Neuron, name: str) -> float | Tensor:
    """A value of ours in the shape that spreads over an input without its time."""
    value: float | Tensor = getattr(module, name)
    if not isinstance(value, Tensor):
        return value
    value = value.detach().clone()
    if not value.ndim:
        return value
    if module.channel_dim > 0:
        raise ValueError(f"channel_dim is {module.channel_dim}; count it from the last dimension, below 0")
    return value.reshape(-1, *(1,) * (-module.channel_dim - 1))


def _is_number(value: object, number: float) -> bool:
    return isinstance(value, float) and value == number


def _surrogate_from(neuron: Any) -> tuple[Surrogate, float]:
    """Which of snnTorch's functions made the closure that it calls, and with what steepness."""
    function = neuron.spike_grad
    name = getattr(function, "__qualname__", type(function).__name__).split(".")[0]
    if getattr(function, "__module__", None) != "snntorch.surrogate" or name not in SURROGATES:
        raise ValueError(f"spike_grad {name} is none of ours; {', '.join(SURROGATES)} of snntorch.surrogate are")
    ours, parameter = SURROGATES[name]
    return ours, float(getclosurevars(function).nonlocals[parameter])


def _surrogate_to(module: Neuron) -> Any:
    for name, (ours, parameter) in SURROGATES.items():
        if ours == module.surrogate:
            return getattr(_peer("snntorch.surrogate"), name)(**{parameter: module.alpha})
    raise ValueError(f"surrogate {module.surrogate!r} is none of snnTorch's")
