"""Neurons of spikingjelly as modules of ours, and back: same spikes, same gradients.

spikingjelly lets the membrane potential V leak towards `v_reset`, where it also begins:

    H[t] = V[t-1] + (X[t] - (V[t-1] - v_reset)) / tau      decay_input=True
    H[t] = V[t-1] - (V[t-1] - v_reset) / tau + X[t]        decay_input=False
    V[t] = v_reset where H[t] >= v_threshold, else H[t]

With `v_reset=None` it leaks towards 0, begins there, and v_threshold is subtracted after a spike. Measured from
`v_reset`, v = V - v_reset, these are the equations of `LIF` with

    decay = 1 - 1 / tau      input_scale = 1 / tau, or 1 with decay_input=False      a reset to 0
    v_threshold less v_reset

and states are converted by that difference. A `CUBALIFNode`, which leaks towards 0, is a `CubaLIF` of the same values.
Both spike at the threshold itself. Rounding differs in the last bit.
"""

from __future__ import annotations

import math
from importlib import import_module
from typing import Any, cast

import torch
from torch import Tensor, nn

from neuroact.errors import MissingExtra
from neuroact.kernels.nn.cuba import CubaLIF
from neuroact.kernels.nn.lif import LIF, PLIF
from neuroact.kernels.nn.neuron import Neuron
from neuroact.kernels.surrogates import Surrogate

SAME: dict[str, Surrogate] = {
    "ATan": "atan", "Sigmoid": "sigmoid", "Rect": "rectangle", "PiecewiseQuadratic": "piecewise_quadratic",
}  # fmt: skip
"""Surrogates whose alpha means the same to both, by their names there."""
SUPER_SPIKES = {"SuperSpike": 1.0, "SoftSign": 2.0}
"""Those that are our super_spike for one alpha alone: alpha / (1 + |z|)^2, and alpha / (2 (1 + alpha |z|)^2)."""


def from_spikingjelly(node: nn.Module) -> LIF | PLIF | CubaLIF:
    """The module that does what a node of spikingjelly in multi-step mode does.

    - `node`: an `IFNode`, `LIFNode`, `ParametricLIFNode` or `CUBALIFNode`, not of a class derived from these. Its
      values are copied; its membrane potential is not: to go on from it, give `node.v - node.v_reset` as the state.

    Raises `ValueError`, which names the attribute, for what cannot be represented exactly; `MissingExtra` without
    spikingjelly.
    """
    neuron = _peer("neuron")
    if type(node) not in (neuron.IFNode, neuron.LIFNode, neuron.ParametricLIFNode, neuron.CUBALIFNode):
        raise ValueError(f"{type(node).__name__} is not an IFNode, LIFNode, ParametricLIFNode or CUBALIFNode")
    given: Any = node
    if given.step_mode != "m":
        raise ValueError(f"step_mode is {given.step_mode!r}; set it to 'm', for input whose first dimension is time")
    if given.store_v_seq:
        raise ValueError("store_v_seq is set, and the scans keep no membrane potentials but the last")
    if given._neuron_precision is not None:
        raise ValueError(f"the precision of the state is set to {given._neuron_precision[0]}; ours is float32")
    surrogate, alpha = _surrogate_from(given.surrogate_function)
    options: dict[str, Any] = {
        "v_threshold": given.v_threshold - (given.v_reset or 0.0),
        "v_reset": None if given.v_reset is None else 0.0,
        "surrogate": surrogate, "alpha": alpha, "detach_reset": given.detach_reset,
    }  # fmt: skip
    if isinstance(node, neuron.IFNode):
        return LIF(1.0, **options)
    if isinstance(node, neuron.LIFNode):
        return LIF(1 - 1 / given.tau, input_scale=1 / given.tau if given.decay_input else 1.0, **options)
    if isinstance(node, neuron.CUBALIFNode):
        if given.v_reset:
            raise ValueError(f"v_reset is {given.v_reset}, where a CUBALIFNode begins though it leaks towards 0")
        return CubaLIF(given.c_decay, given.v_decay, **options)
    module = PLIF(torch.full_like(given.w, 0.5), input_scale=None if given.decay_input else 1.0, **options)
    with torch.no_grad():
        module.w.copy_(-given.w)
    return module


def to_spikingjelly(module: Neuron) -> nn.Module:
    """The node of spikingjelly, in multi-step mode, that does what `module` does.

    - `module`: a `LIF`, `PLIF` or `CubaLIF` without values that differ between channels, and none learned but the `w`
      of `PLIF`.

    Raises `ValueError`, which names the attribute, for what cannot be represented exactly; `MissingExtra` without
    spikingjelly.
    """
    if type(module) not in (LIF, PLIF, CubaLIF):
        raise ValueError(f"{type(module).__name__} is not a LIF, PLIF or CubaLIF")
    given: Any = module
    v_reset = None if given.v_reset is None else _number(module, "v_reset")
    if v_reset:
        raise ValueError(f"v_reset is {v_reset:g}: spikingjelly's neurons would leak towards it, or begin there")
    options: dict[str, Any] = {
        "v_threshold": _number(module, "v_threshold"), "v_reset": v_reset, "surrogate_function": _surrogate_to(module),
    }  # fmt: skip
    build = {LIF: _leaky, PLIF: _parametric, CubaLIF: _current_based}[type(module)]
    node: Any = build(module, _peer("neuron"), options)
    node.detach_reset, node.step_mode = module.detach_reset, "m"
    return cast(nn.Module, node)


def _leaky(module: Any, neuron: Any, options: dict[str, Any]) -> Any:
    decay, scale = _number(module, "decay"), _number(module, "input_scale")
    if decay == 1 and scale == 1:
        return neuron.IFNode(**options)
    if not 0 < decay < 1 or not (scale == 1 or math.isclose(scale, 1 - decay, rel_tol=1e-6)):
        raise ValueError(f"input_scale={scale:g} with decay={decay:g}; it must be 1 or 1 - decay, and decay above 0")
    return neuron.LIFNode(tau=1 / (1 - decay), decay_input=scale != 1, **options)


def _parametric(module: Any, neuron: Any, options: dict[str, Any]) -> Any:
    scale = None if module.input_scale is None else _number(module, "input_scale")
    if module.w.ndim:
        raise ValueError(f"w has shape {tuple(module.w.shape)}; a ParametricLIFNode learns a single one")
    if scale not in (None, 1.0):
        raise ValueError(f"input_scale is {scale}; a ParametricLIFNode has 1 - decay, None here, or 1")
    node = neuron.ParametricLIFNode(decay_input=scale is None, **options)
    node.w = nn.Parameter(-module.w.detach())
    return node


def _current_based(module: Any, neuron: Any, options: dict[str, Any]) -> Any:
    if (scale := _number(module, "input_scale")) != 1:
        raise ValueError(f"input_scale is {scale:g}, and a CUBALIFNode has none")
    return neuron.CUBALIFNode(_number(module, "current_decay"), _number(module, "decay"), **options)


def _peer(name: str) -> Any:
    try:
        return import_module(f"spikingjelly.activation_based.{name}")
    except ImportError as error:
        raise MissingExtra("spikingjelly", "spikingjelly") from error


def _number(module: Neuron, name: str) -> float:
    value = getattr(module, name)
    if isinstance(value, nn.Parameter):
        raise ValueError(f"{name} is learned, and spikingjelly has it as a constant")
    if isinstance(value, Tensor) and value.ndim:
        raise ValueError(f"{name} differs between channels, and spikingjelly has one number for all")
    return float(value)


def _surrogate_from(function: Any) -> tuple[Surrogate, float]:
    name = type(function).__name__
    if not getattr(function, "spiking", True):
        raise ValueError(f"surrogate_function {name} has spiking=False, and so puts out no spikes")
    if name in SAME:
        return SAME[name], float(function.alpha)
    if name in SUPER_SPIKES and function.alpha == SUPER_SPIKES[name]:
        return "super_spike", SUPER_SPIKES[name]
    described = f"{name}(alpha={function.alpha})" if name in SUPER_SPIKES else name
    raise ValueError(f"surrogate_function {described} is none of ours; see neuroact.kernels.surrogates")


def _surrogate_to(module: Neuron) -> nn.Module:
    alike = [theirs for theirs, ours in SAME.items() if ours == module.surrogate]
    if module.surrogate == "super_spike":
        alike = [theirs for theirs, alpha in SUPER_SPIKES.items() if alpha == module.alpha]
    elif module.surrogate == "triangle" and module.alpha == 1:
        alike = ["PiecewiseQuadratic"]
    if not alike:
        raise ValueError(f"surrogate {module.surrogate!r} with alpha={module.alpha:g} is none of spikingjelly's")
    function: nn.Module = getattr(_peer("surrogate"), alike[0])(alpha=float(module.alpha))
    return function
