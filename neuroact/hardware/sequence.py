"""From a sequence of torch's layers and anybody's neurons to a chain, and every layer that has no place in one."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import torch
from torch import nn

from neuroact.errors import Refusal, UnsupportedLayer
from neuroact.hardware.chain import Chain, FloatLayer, NoForm, Synapses, any_of, layer, normalised, synapses
from neuroact.hardware.network import Conv, Dense, Flatten
from neuroact.kernels.nn import AdaptiveLIF
from neuroact.models.layers import Spikes

NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)
WITHOUT_EFFECT = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Identity)
"""In evaluation."""
REAL = "what it puts out are real numbers: no neurons behind it make them spikes"
ATTENTION = "it multiplies activities by each other, and synapses have constant weights"
ADDS = "it adds the outputs of two layers, and the chip's layers have one input"
REASONS: dict[str, tuple[str, str]] = {
    "Attention": (ATTENTION, ""),
    "MultiheadAttention": (ATTENTION, ""),
    "TemporalLayer": (ATTENTION, ""),
    "SpikeLinearAttention": (ATTENTION, ""),
    "Mamba": ("its state space changes with its input, and synapses have constant weights", ""),
    "SpikeMamba": ("its state space changes with its input, and synapses have constant weights", ""),
    "LSTM": ("gates multiply activities by each other", "CubaLIF neurons, or recurrent synapses"),
    "GRU": ("gates multiply activities by each other", "CubaLIF neurons, or recurrent synapses"),
    "LayerNorm": ("it divides by the spread of the activities at hand", "BatchNorm, whose numbers are constant"),
    "GroupNorm": ("it divides by the spread of the activities at hand", "BatchNorm, whose numbers are constant"),
    "AdaptiveLIF": ("its threshold adapts, and the chip's is constant", "LIF or CubaLIF with v_reset=0"),
    "AvgPool2d": ("the mean of spikes is no spike", "a convolution with that stride in its place, and the next layer"),
    "AdaptiveAvgPool2d": ("the mean of spikes is no spike", "count spikes on the host"),
    "ConvTranspose2d": ("Lava has no transposed convolution", ""),
    "Conv3d": ("a convolution over time needs the spikes of several steps at once", "Conv2d, and neurons that last"),
    "Residual": (ADDS, "SpikePoint's residual=False, and training again"),
    "BasicBlock": (ADDS, "leave out the skip paths, and train again"),
    "LargestCurrent": ("it takes the largest of currents", "SpikePoint's residual=False, and training again"),
    "Perceptron": (REAL, ""),
    **dict.fromkeys(("ReLU", "GELU", "SiLU", "Sigmoid", "Tanh"), (REAL, "neurons that spike")),
}  # fmt: skip
"""By the class's name: why it has no form on the chip, and what to have in its place."""


@dataclass(slots=True)
class Walk:
    """How far a walk along a sequence has come.

    - `before`: synapses that wait for their neurons, with their name.
    - `flat`: whether what arrives next is `(N,)`; `channels`: how many it has otherwise.
    - `broken`: a module had no form, so that what it would have put out is not missed.
    """

    shape: tuple[int, ...] | None
    layers: list[tuple[str, FloatLayer | Dense | Conv | Flatten]] = field(default_factory=list)
    before: tuple[str, Synapses] | None = None
    flat: bool = False
    channels: int = 0
    broken: bool = False

    @property
    def ends_flattened(self) -> bool:
        """Whether the last layer flattens, which is of no use behind a network's last neurons."""
        return bool(self.layers) and isinstance(self.layers[-1][1], Flatten)

    def take(self, name: str, module: nn.Module) -> None:
        """One module further. Raises `NoForm`."""
        if isinstance(module, nn.Linear | nn.Conv2d):
            self._take_synapses(name, module)
        elif isinstance(module, NORMS):
            self._fold(module)
        elif isinstance(module, nn.Flatten):
            self._flatten(name, module)
        elif isinstance(module, nn.MaxPool2d):
            self._pool(name, module)
        elif not isinstance(module, WITHOUT_EFFECT):
            self._fire(module)

    def end(self, steps: int | None) -> None:
        """Synapses at the end, without neurons, are a read-out. Raises `NoForm`."""
        if self.before is None:
            return
        if steps is None:
            raise NoForm(REAL, "for a read-out of sums over time, say over how many steps")
        self.layers.append((self.before[0], FloatLayer(self.before[1], None)))
        self.before = None

    def _take_synapses(self, name: str, module: nn.Module) -> None:
        if self.before is not None:
            raise NoForm(
                f"no neurons are between it and {self.before[0]}", "neurons between them, or one layer of both"
            )
        taken = synapses(module)
        dense = taken.weight.ndim == 2
        if not dense and self.flat:
            raise NoForm("a convolution does not take what is flat")
        if self.shape is None:
            if not dense:
                raise NoForm("the size of its input is not known", "say its shape, (C, H, W)")
            self.shape = (taken.weight.shape[1],)
        if dense and not self.flat and len(self.shape) > 1:
            raise NoForm("its input is a map of features", "nn.Flatten in front of it")
        self.before, self.flat, self.channels = (name, taken), dense, len(taken.weight)

    def _fold(self, norm: nn.Module) -> None:
        if self.before is not None:
            self.before = (self.before[0], normalised(self.before[1], norm))
        elif not self.broken:
            raise NoForm("no synapses in front of it have weights to fold it into", "put it behind its layer")

    def _flatten(self, name: str, module: nn.Flatten) -> None:
        if module.end_dim != -1:
            raise NoForm(f"end_dim is {module.end_dim}: Lava flattens all dimensions", "end_dim=-1")
        if self.before is not None:
            raise NoForm("it is in front of the neurons", "put it behind them")
        if not self.layers:  # Lava does not flatten the input: it is flat from the start
            self.shape = self.shape and (math.prod(self.shape),)
        elif not self.flat:
            self.layers.append((name, Flatten()))
        self.flat = True

    def _pool(self, name: str, module: nn.MaxPool2d) -> None:
        if self.before is not None:
            raise NoForm("it takes the largest of currents", "put it behind the neurons: the largest of spikes is one")
        if self.flat or not self.layers:
            raise NoForm("spikes are pooled where they are a map that neurons put out", "")
        if module.ceil_mode:
            raise NoForm("ceil_mode has windows that reach beyond the border", "ceil_mode=False, and padding")
        window, stride, padding, dilation = (
            (value, value) if isinstance(value, int) else (value[0], value[1])
            for value in (module.kernel_size, module.stride, module.padding, module.dilation)
        )
        pooled = any_of(self.channels, window, stride=stride, padding=padding, dilation=dilation)
        self.layers.append((name, pooled))

    def _fire(self, module: nn.Module) -> None:
        if type(module).__name__ in REASONS:
            raise NoForm(*REASONS[type(module).__name__])
        if not is_neuron(module):
            raise NoForm("it has no form among synapses and neurons")
        if self.before is None and not self.broken:
            raise NoForm("no synapses are in front of these neurons")
        name, before = self.before or ("", Synapses(torch.zeros(1, 1, dtype=torch.float64)))
        self.layers.append((name, layer(before, module)))
        self.before = None


def is_neuron(module: nn.Module) -> bool:
    """Whether it spikes: ours, or by the library that it is of."""
    library = type(module).__module__
    return isinstance(module, Spikes | AdaptiveLIF) or library.startswith(
        ("neuroact.kernels.nn.", "spikingjelly.activation_based.neuron", "snntorch._neurons")
    )


def chain_of_sequence(model: nn.Sequential, shape: tuple[int, ...] | None, steps: int | None, *, split: bool) -> Chain:
    """The chain of `Linear`, `Conv2d`, batch norms, `Flatten`, `MaxPool2d` and neurons in their order.

    - `shape`: of the input; None if it is flat. `steps`: T, for a read-out.
    - `split`: end where a layer has no form, and leave that and the rest to the host.

    Raises `UnsupportedLayer` with every layer that has no form, if not `split` or if nothing has one.
    """
    modules = list(in_order(model))
    walk, refused, settled = Walk(shape), [], 0
    for place, (name, module) in enumerate(modules):
        try:
            walk.take(name, module)
        except NoForm as why:
            refused.append(Refusal(name, type(module).__name__, why.reason, why.rewrite))
            walk.broken = True
            if is_neuron(module):
                walk.before = None
            if split:
                break
        if walk.before is None and not walk.broken and not walk.ends_flattened:
            settled = place + 1
    if not walk.broken:
        try:
            walk.end(steps)
            settled = len(modules)
        except NoForm as why:
            name = walk.before[0] if walk.before else ""
            refused.append(Refusal(name, type(dict(modules)[name]).__name__, why.reason, why.rewrite))
    if (refused and not split) or not any(isinstance(part, FloatLayer) for _, part in walk.layers):
        raise UnsupportedLayer(refused or [("model", type(model).__name__, "no layer of it has neurons", "")])
    return Chain(
        walk.shape or (), tuple(walk.layers[:-1] if walk.ends_flattened else walk.layers), "spikes", steps,
        host=tuple(_host(modules, settled, refused)),
    )  # fmt: skip


def in_order(model: nn.Module, prefix: str = "") -> Iterator[tuple[str, nn.Module]]:
    """The modules that nested sequences call one after another, with their names."""
    children = [(name, module) for name, module in model.named_modules(remove_duplicate=False) if "." not in name]
    for name, module in children[1:]:  # a module may stand in several places; the first is the model itself
        if isinstance(module, nn.Sequential):
            yield from in_order(module, f"{prefix}{name}.")
        else:
            yield prefix + name, module


def refusals(model: nn.Module, prefix: str = "") -> Iterator[Refusal]:
    """Each part of a model that calls its parts by code of its own, and so cannot be walked along."""
    for name, module in model.named_children():
        kind = type(module).__name__
        if kind in REASONS:
            yield Refusal(prefix + name, kind, *REASONS[kind])
        elif any(True for _ in module.children()) and not isinstance(module, Spikes):
            yield from refusals(module, f"{prefix}{name}.")
        elif isinstance(module, nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d):
            yield Refusal(prefix + name, kind, REAL)
        elif not isinstance(module, WITHOUT_EFFECT) and not is_neuron(module):
            yield Refusal(prefix + name, kind, "it has no form among synapses and neurons")


def _host(modules: Sequence[tuple[str, nn.Module]], settled: int, refused: Sequence[Refusal]) -> Iterator[Refusal]:
    """Everything from the end of the chip's part on."""
    why = {refusal.name: refusal for refusal in refused}
    for name, module in modules[settled:]:
        yield why.get(name) or Refusal(name, type(module).__name__, "it is beside or behind what stays on the host")
