"""From a model in floating point to the integers of a chip, and what is lost on the way.

    S scale of a layer    theta its threshold on the chip, vThMant    w weights, of a layer whose threshold is 1

    weight on the chip = the even number next to S w, within [-254, 254]
    S = theta + 1/64      of neurons that spike at their threshold: potentials have six bits below the point, and
                          the chip spikes above theta, so from there on
    S = theta             of neurons that spike above it

S is as large as the ranges of weights, biases and theta allow, so that all eight bits are used, and then a little
smaller: theta becomes a multiple of 8, less 1 where neurons spike at it. So the threshold is not rounded at all, and
weights of a half or a quarter of it, as are written by hand, still reach it together.

A read-out has no threshold. Its S is such that its potential, the sum of what arrives in T steps, cannot reach the
chip's largest threshold, whatever arrives; with many inputs little is left of the eight bits then. Its potentials are
divided by the S that fits its rounded weights best.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from neuroact.errors import ExportError, Refusal
from neuroact.hardware.chain import FloatLayer, Synapses
from neuroact.hardware.forms import chain_of
from neuroact.hardware.network import NEVER, UNITY, Conv, Dense, Flatten, Integers, Layer, Network, Neurons
from neuroact.hardware.validation import BIAS_MOST
from neuroact.models.layers import ChipLayer
from neuroact.models.layers.quantised import WEIGHT_MOST, scale_of

UNIT = 64
"""A potential of this much is 1 of the weights and thresholds."""
FINE = 8
"""What thresholds are a multiple of, where they are large enough for that to cost little."""


@dataclass(frozen=True, slots=True)
class Loss:
    """What a layer lost.

    - `layer`: its number in the file. `name`: of it in the model.
    - `scale`: S, what a weight of 1 threshold is on the chip; of a read-out, what a weight of 1 is.
    - `weight_error`: root mean square of what rounding changed, over that of the weights.
    - `clipped`: share of the weights that were out of range.
    - `threshold_error`: by how much the threshold is off, over itself; 0 for a read-out.
    """

    layer: int
    name: str
    scale: float
    weight_error: float
    clipped: float
    threshold_error: float


@dataclass(frozen=True, slots=True, eq=False)
class Quantised:
    """A network for the chip and how to use it.

    - `takes`: what goes in. `steps`: T, None if any number will do.
    - `reads`: "spikes", of which a class has `voters` side by side, or "potentials" after the last step.
    - `unit`: what a potential of 1, or a spike, adds to the model's output; None where spikes are features.
    - `losses`: of each layer with weights of the model. `host`: what of the model is not in the network, and why.
    """

    network: Network
    takes: str
    steps: int | None
    reads: Literal["spikes", "potentials"]
    voters: int
    unit: float | None
    losses: tuple[Loss, ...]
    host: tuple[Refusal, ...] = ()


def quantise(
    model: nn.Module,
    *,
    shape: tuple[int, ...] | None = None,
    steps: int | None = None,
    split: bool = False,
    clip: float = 0.0,
) -> Quantised:
    """The integer network of a model, as it is in evaluation.

    - `model`: a `SpikingCNN`, whose integers are those it has; a `SpikePoint(residual=False)`; a `SpikMamba`, with
      `split`; or an `nn.Sequential` of `Linear`, `Conv2d`, batch norms, `Flatten`, `MaxPool2d` and neurons: ours, of
      spikingjelly or of snnTorch.
    - `shape`: of a sequence's input, where it is not flat. `steps`: how many a sequence runs for; needed if it has
      biases or ends without neurons.
    - `split`: leave to the host what does not fit.
    - `clip`: a share of the largest weights of each layer that may be clipped, for finer steps of the others.

    Raises `UnsupportedLayer` with every layer that does not fit, `ExportError` for biases without `steps` and for
    weights that are no numbers, `ValueError` for a `clip` that is no share and `steps` below 1.
    """
    if not 0 <= clip < 1:
        raise ValueError(f"clip must be within [0, 1), not {clip}")
    if steps is not None and steps < 1:
        raise ValueError(f"steps must be at least 1, not {steps}")
    if broken := [name for name, values in model.state_dict().items() if not bool(values.isfinite().all())]:
        raise ExportError("\n".join(f"{name}: not all of it are finite numbers" for name in broken))
    chain = chain_of(model, shape, steps, split=split)
    modules = dict(model.named_modules())
    layers: list[Layer] = []
    losses: list[Loss] = []
    for place, (name, part) in enumerate(chain.layers, 1):
        if isinstance(part, FloatLayer):
            layer, loss = _integers(part, chain.steps, clip, place, name)
            losses.append(loss)
            layers.append(layer)
        else:
            layers.append(part)
            if isinstance(module := modules.get(name), ChipLayer):
                losses.append(_loss_of(module, place, name))
    last = chain.layers[-1][1]
    readout = isinstance(last, FloatLayer) and last.cells is None
    biased = any(not isinstance(layer, Flatten) and layer.bias is not None for layer in layers)
    if biased and chain.steps is None:
        raise ExportError(
            "biases integrate while the chip's pipeline fills: say after how many steps to reset (steps), or train "
            "without biases and batch norms"
        )
    return Quantised(
        Network(chain.shape, tuple(layers), chain.steps if biased or readout else None),
        chain.takes,
        chain.steps,
        "potentials" if readout else "spikes",
        chain.voters,
        1 / (losses[-1].scale * UNIT * (chain.steps or 1)) if readout else None,
        tuple(losses),
        chain.host,
    )


def _integers(part: FloatLayer, steps: int | None, clip: float, place: int, name: str) -> tuple[Dense | Conv, Loss]:
    """A layer in integers, and what that changed."""
    weight, bias = part.synapses.weight, part.synapses.bias
    scale, error = _most(weight, bias, clip), 0.0
    if part.cells is None:
        scale, neurons = _within_reach(part, scale, steps or 1), Neurons(UNITY, 0, NEVER)
    else:
        scale = min(scale, NEVER - 1.0)
        theta = _theta(scale, strict=part.cells.strict)
        exact = theta if part.cells.strict else theta + 1 / UNIT
        scale, error = (exact, 0.0) if theta else (scale, exact / scale - 1)
        neurons = Neurons(_decay(part.cells.current_decay), _decay(part.cells.decay), theta)
    even = _even(weight, scale)
    held = even.clamp(-WEIGHT_MOST, WEIGHT_MOST)
    if part.cells is None:
        scale = _fitted(held, weight, scale)
    kept = None if bias is None else _whole(_bias(bias, scale))
    clipped = float((held != even).double().mean())
    loss = Loss(place, name, scale, _relative(held / scale, weight), clipped, error)
    return _placed(part.synapses, _whole(held), kept, neurons), loss


def _even(weight: Tensor, scale: float) -> Tensor:
    return 2 * torch.round(weight * scale / 2)


def _bias(bias: Tensor, scale: float) -> Tensor:
    return torch.round(bias * scale).clamp(-BIAS_MOST - 1, BIAS_MOST)


def _fitted(held: Tensor, weight: Tensor, scale: float) -> float:
    """The S with which integers are nearest to the weights; the S that they are made with, if none is left."""
    return float((held * weight).sum() / weight.square().sum()) if held.any() else scale


def _within_reach(part: FloatLayer, most: float, steps: int) -> float:
    """S of a read-out: the largest with which its potential stays below the threshold, whatever arrives."""
    weight, bias = part.synapses.weight.flatten(1), part.synapses.bias
    scale = most
    while True:
        held = _even(weight, scale).clamp(-WEIGHT_MOST, WEIGHT_MOST)
        each = 0.0 if bias is None else _bias(bias, _fitted(held, weight, scale))
        ends = torch.stack([held.clamp(min=0).sum(1) + each, held.clamp(max=0).sum(1) + each])
        reach = steps * float(ends.abs().max())
        if reach <= NEVER:
            return scale
        scale *= min(NEVER / reach, 0.99)


def _placed(of: Synapses, weight: Integers, bias: Integers | None, neurons: Neurons) -> Dense | Conv:
    if weight.ndim == 2:
        return Dense(weight, neurons, bias)
    return Conv(weight, neurons, of.stride, of.padding, of.dilation, of.groups, bias)


def _most(weight: Tensor, bias: Tensor | None, clip: float) -> float:
    """The largest S with which weights and biases are within their ranges; that of the threshold if all are 0."""
    sizes = weight.abs().flatten()
    largest = sizes.sort().values[max(math.ceil(len(sizes) * (1 - clip)) - 1, 0)]
    limits = [WEIGHT_MOST / float(largest)] if largest > 0 else []
    if bias is not None and bias.any():
        limits.append(BIAS_MOST / float(bias.abs().max()))
    return min(limits, default=NEVER - 1.0)


def _theta(most: float, *, strict: bool) -> int:
    """The threshold for S up to `most`; 0 if it is below 1, where no whole number is near."""
    if most < FINE * FINE:
        return max(math.floor(most if strict else most - 1 / UNIT), 0)
    return FINE * math.floor(most / FINE) - (0 if strict else 1)


def _decay(kept: Tensor) -> int | Integers:
    """What a step takes away of 4096, from what it leaves of 1."""
    taken = torch.round(UNITY * (1 - kept))
    return int(taken) if not taken.ndim else _whole(taken)


def _whole(values: Tensor) -> NDArray[np.int64]:
    return values.long().numpy()


def _relative(held: Tensor, weight: Tensor) -> float:
    size = float(weight.square().mean())
    return math.sqrt(float((held - weight).square().mean()) / size) if size else 0.0


def _loss_of(module: ChipLayer, place: int, name: str) -> Loss:
    """Of a layer that has integers of its own."""
    held: Any = module.integers
    weight = module.synapses.weight.detach().double()
    scale = float(scale_of(weight, module.threshold))
    return Loss(
        place, name, scale * module.threshold, _relative(held.weight / scale, weight), 0.0,
        held.threshold / (module.threshold * scale) - 1,
    )  # fmt: skip
