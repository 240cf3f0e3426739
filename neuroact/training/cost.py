"""What a sample costs: operations by layer, spikes by layer of neurons, and the energy that they stand for.

Everything is measured while a model runs over data, as the spikes of a network depend on what it sees:

    with Meter(model) as meter:
        evaluation = evaluate(model, batches)
    cost = meter.cost()

Energies are those of Horowitz (ISSCC 2014) for 45 nm and float32, which papers on spiking networks use: an accumulate
0.9 pJ, a multiply-accumulate 4.6 pJ. Memory, where chips spend most of theirs, is not in them. What is counted as an
operation, and what is not, stands in `neuroact.training.operations`.
"""

from __future__ import annotations

from collections import defaultdict
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor, nn

from neuroact.models.layers import Spikes
from neuroact.training.operations import Count, Watch, count

ACCUMULATE, MULTIPLY_ACCUMULATE = 0.9e-12, 4.6e-12
"""Joules."""
CONVOLUTIONS_AND_LINEAR = (
    nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d,
)  # fmt: skip

Takes = Literal["spikes", "values"]


@dataclass(frozen=True, slots=True)
class LayerCost:
    """Operations of one layer, for one sample on average.

    - `name`: of its module, as in `named_modules`. `kind`: the module's class, or what of it was counted.
    - `takes`: `spikes` if every input that it ever got was 0 or 1, else `values`. What never got anything but 0, behind
      neurons that never fire, takes spikes, none.
    - `dense`: multiply-accumulates that it takes for values, whatever it gets.
    - `operations`: synaptic operations, which are accumulates, if it takes spikes; else `dense`.
    """

    name: str
    kind: str
    takes: Takes
    dense: float
    operations: float

    @property
    def energy(self) -> float:
        """Joules."""
        return self.operations * (ACCUMULATE if self.takes == "spikes" else MULTIPLY_ACCUMULATE)


@dataclass(frozen=True, slots=True)
class Firing:
    """How much one layer of neurons fires.

    - `neurons`, `steps`: of one sample. `rate`: spikes per neuron and step, from 0 to 1.
    """

    name: str
    neurons: float
    steps: float
    rate: float


@dataclass(frozen=True, slots=True)
class Cost:
    """What one sample costs on average, over `samples` of them.

    - `parameters`: numbers that are learned, each counted once.
    - `layers`: in the order in which they first ran. `firing`: of each layer of neurons, likewise.
    """

    samples: int
    parameters: int
    layers: tuple[LayerCost, ...]
    firing: tuple[Firing, ...]

    @property
    def accumulates(self) -> float:
        """Synaptic operations: spikes times the fan-out of each."""
        return sum(layer.operations for layer in self.layers if layer.takes == "spikes")

    @property
    def multiply_accumulates(self) -> float:
        """Of the layers that take values."""
        return sum(layer.operations for layer in self.layers if layer.takes == "values")

    @property
    def dense(self) -> float:
        """Multiply-accumulates of a network of the same shape that has values in the place of spikes."""
        return sum(layer.dense for layer in self.layers)

    @property
    def silent(self) -> tuple[str, ...]:
        """Layers of neurons that never fired. What they feed costs nothing, since it gets nothing: a dead end."""
        return tuple(firing.name for firing in self.firing if not firing.rate)

    @property
    def energy_accumulates(self) -> float:
        """Joules of the layers that take spikes."""
        return self.accumulates * ACCUMULATE

    @property
    def energy_multiply_accumulates(self) -> float:
        """Joules of the layers that take values."""
        return self.multiply_accumulates * MULTIPLY_ACCUMULATE

    @property
    def energy_dense(self) -> float:
        """Joules of the network that has values in the place of spikes."""
        return self.dense * MULTIPLY_ACCUMULATE

    def to_json(self) -> dict[str, object]:
        """Plain values for `json.dumps`; energies in joules."""
        names = ("accumulates", "multiply_accumulates", "dense")
        energies = ("energy_accumulates", "energy_multiply_accumulates", "energy_dense")
        layers = [{**asdict(layer), "energy": layer.energy} for layer in self.layers]
        return {**asdict(self), "layers": layers, **{name: getattr(self, name) for name in names + energies}}


@dataclass(slots=True)
class _Tally:
    """One product of one module over all its calls. Nothing is read back from a GPU before the end."""

    dense: int = 0
    sides: list[tuple[Tensor, Tensor]] = field(default_factory=list)

    def add(self, counted: Count) -> None:
        self.dense += counted.macs
        if not self.sides:
            self.sides = [(side.spikes, side.accumulates) for side in counted.sides]
            return
        self.sides = [
            (spikes & side.spikes, accumulates + side.accumulates)
            for (spikes, accumulates), side in zip(self.sides, counted.sides, strict=True)
        ]

    def accumulates(self) -> float | None:
        """The fewest that its spiking operands take, or None if it has none."""
        return min((float(accumulates) for spikes, accumulates in self.sides if spikes), default=None)


@dataclass(slots=True)
class _Fired:
    """One layer of neurons over all its calls: spikes, places for one, neurons of all samples, steps."""

    spikes: Tensor | float = 0.0
    places: int = 0
    neurons: int = 0
    steps: int = 0
    calls: int = 0

    def add(self, spikes: Tensor) -> None:
        self.spikes = self.spikes + spikes.sum(dtype=torch.float64)
        self.places += spikes.numel()
        self.neurons += spikes[0].numel()
        self.steps += spikes.shape[0]
        self.calls += 1


class Meter:
    """Counts what a model does while the meter is open.

    It sees every operation below the modules, also those of functions that are called without one. The model must not
    be compiled, and its scans must run on a kernel ("cpu" or "triton"): the reference's loops are not counted.

    - `model`: its first argument is a batch `(B, ...)`; that is how samples are counted.
    """

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self._names = {module: name or type(module).__name__ for name, module in model.named_modules()}
        self._weights = {tensor.untyped_storage().data_ptr() for tensor in (*model.parameters(), *model.buffers())}
        self._samples = 0
        self._running: list[tuple[nn.Module, list[int]]] = []
        self._tallies: dict[tuple[nn.Module, str, int], _Tally] = defaultdict(_Tally)
        self._fired: dict[str, _Fired] = defaultdict(_Fired)
        self._open = ExitStack()

    def __enter__(self) -> Meter:
        for module in self._names:
            self._open.callback(module.register_forward_pre_hook(self._begin).remove)
            self._open.callback(module.register_forward_hook(self._end, always_call=True).remove)
        # torch's attention in eval mode would otherwise be one operation that hides all of a layer.
        fast = torch.backends.mha.get_fastpath_enabled()
        torch.backends.mha.set_fastpath_enabled(False)
        self._open.callback(torch.backends.mha.set_fastpath_enabled, fast)
        self._open.enter_context(Watch(self._seen))
        return self

    def __exit__(self, *error: object) -> None:
        self._open.close()

    def cost(self) -> Cost:
        """What was counted so far, for one sample. Raises `ValueError` if the model has not run."""
        if not self._samples:
            raise ValueError("the model has not run inside the meter, so nothing was counted")
        return Cost(
            samples=self._samples,
            parameters=sum(parameter.numel() for parameter in self._model.parameters()),
            layers=self._layers(),
            firing=tuple(self._firing(name, fired) for name, fired in self._fired.items()),
        )

    def _layers(self) -> tuple[LayerCost, ...]:
        """One for each module, what of it was counted and what that took."""
        sums: dict[tuple[str, str, Takes], list[float]] = defaultdict(lambda: [0.0, 0.0])
        for (module, what, _), tally in self._tallies.items():
            kind = type(module).__name__ if isinstance(module, CONVOLUTIONS_AND_LINEAR) else what
            accumulates = tally.accumulates()
            takes: Takes = "values" if accumulates is None else "spikes"
            total = sums[self._names[module], kind, takes]
            total[0] += tally.dense / self._samples
            total[1] += (tally.dense if accumulates is None else accumulates) / self._samples
        return tuple(LayerCost(*key, *total) for key, total in sums.items())

    def _firing(self, name: str, fired: _Fired) -> Firing:
        rate = float(fired.spikes) / fired.places if fired.places else 0.0
        return Firing(name, fired.neurons / self._samples, fired.steps / fired.calls, rate)

    def _begin(self, module: nn.Module, args: tuple[Any, ...]) -> None:
        self._running.append((module, [0]))

    def _end(self, module: nn.Module, args: tuple[Any, ...], result: Any) -> None:
        self._running.pop()
        if not self._running and result is not None:  # hooks also run after an error, without a result
            self._samples += args[0].shape[0]
        if isinstance(module, Spikes) and isinstance(result, Tensor) and result.numel():
            self._fired[self._names[module]].add(result)

    def _seen(self, operation: str, args: tuple[Any, ...], results: Any) -> None:
        if not self._running:
            return
        module, calls = self._running[-1]
        for counted in count(operation, args, results, self._fixed):
            # The n-th product of a module is the same one in each of its calls.
            self._tallies[module, counted.what, calls[0]].add(counted)
            calls[0] += 1

    def _fixed(self, tensor: Tensor) -> bool:
        return tensor.untyped_storage().data_ptr() in self._weights
