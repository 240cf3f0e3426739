"""simulate: how well an exported network does on recordings, by the chip's arithmetic, and what they would cost it.

L layers of neurons    N samples    B batch    T steps
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from neuroact.errors import ExportError
from neuroact.hardware.emulator import emulate
from neuroact.hardware.forms import chip_input
from neuroact.hardware.lava import LavaOutput, lava_output
from neuroact.hardware.manifest import Manifest, manifest_path, read_manifest
from neuroact.hardware.network import Flatten, Network
from neuroact.hardware.netx import read_netx
from neuroact.models.registry import create, family
from neuroact.training.configs import DataConfig
from neuroact.training.cost import ACCUMULATE
from neuroact.training.data import Batches, Part, load_split
from neuroact.training.evaluation import Evaluation
from neuroact.training.inputs import as_input, check_kind
from neuroact.training.loader import Loader
from neuroact.training.metrics import Scores, score

Engine = Literal["emulator", "lava"]
BATCH = 32


@dataclass(frozen=True, slots=True)
class LayerActivity:
    """What a layer of neurons does for a sample, on average.

    - `layer`: its number in the file. `neurons`: how many.
    - `spikes`: that it sends. `operations`: targets of the spikes that reach it: synaptic operations.
    """

    layer: int
    neurons: int
    spikes: float
    operations: float


@dataclass(frozen=True, slots=True, eq=False)
class Simulated:
    """What came out.

    - `steps`: T of a sample. `layers`: in their order.
    - `unequal`: samples for which Lava gave another output than the emulator; None if Lava was not asked.
    """

    evaluation: Evaluation
    classes: tuple[str, ...]
    steps: int
    layers: tuple[LayerActivity, ...]
    unequal: int | None = None

    @property
    def scores(self) -> Scores:
        """Accuracy, and the other measures of a classifier."""
        return score(self.evaluation.logits, self.evaluation.labels)

    @property
    def operations(self) -> float:
        """Synaptic operations of a sample, on average."""
        return sum(layer.operations for layer in self.layers)

    @property
    def energy(self) -> float:
        """Joules of a sample: 0.9 pJ for each operation (45 nm, Horowitz 2014), and nothing for memory or neurons."""
        return self.operations * ACCUMULATE

    def to_json(self) -> dict[str, Any]:
        """Plain values for `json.dumps`."""
        return {
            "scores": self.scores.to_json(),
            "classes": list(self.classes),
            "steps": self.steps,
            "layers": [asdict(layer) for layer in self.layers],
            "operations": self.operations,
            "energy": self.energy,
            "unequal": self.unequal,
        }


def simulate(
    path: Path,
    source: str,
    *,
    split: str = "test",
    engine: Engine = "emulator",
    python: Path | None = None,
    steps: int | None = None,
    samples: int | None = None,
    time_limit: float = 600.0,
) -> Simulated:
    """Runs an exported network over a split, encoded as its manifest says that the model learned it.

    - `path`: the NetX file, with its manifest beside it. `source`: the data, `NAME:ROOT` or a store.
    - `engine`: `lava` takes the output from Lava's simulator, and compares it to that of our emulator, which still
      counts the spikes and operations of the layers inside.
    - `python`, `time_limit`: as in `run_lava`, for each 32 samples.
    - `steps`: encode spike trains in so many steps instead of the model's number.
    - `samples`: at most so many, spread over the split; None for all.

    Raises `ExportError` for a file without a manifest that names the model and its data, or that holds no more than a
    part of the model; `ValueError` for settings that do not fit it; what `run_lava` raises, and what is wrong with the
    data.
    """
    manifest, network = read_manifest(path), read_netx(path)
    model = _model(manifest, path)
    part = load_split(_settings(manifest, source, steps), split, seed=0)  # of augmentation, which there is none of
    if part.examples.classes != manifest.classes:
        raise ExportError(f"{source} has other classes than those that {path} knows")
    check_kind(family(manifest.model["name"]).takes, part.kind)
    positions = _spread(part.positions, samples)
    logits, labels, counts, unequal, many = [], [], [], 0, 0
    for sent, known in _batches(model, part, positions):
        _check_steps(manifest, sent.shape[1])
        ran = emulate(network, sent)
        output = LavaOutput(ran.spikes, ran.potentials[:, -1])
        if engine == "lava":
            ours, output = output, lava_output(path, sent, python=python, time_limit=time_limit)
            unequal += int((~_equal(ours, output)).sum())
        logits.append(_logits(manifest, output))
        labels.append(known)
        counts.append(np.stack([ran.spike_counts, ran.synaptic_operations]))  # (2, L, B)
        many = sent.shape[1]
    names = tuple(part.examples.names[position] for position in positions)
    means = np.concatenate(counts, axis=2).mean(axis=2)  # (2, L)
    return Simulated(
        Evaluation(np.concatenate(logits), np.concatenate(labels), names), manifest.classes, many,
        _activity(network, means), unequal if engine == "lava" else None,
    )  # fmt: skip


def _model(manifest: Manifest, path: Path) -> nn.Module:
    """What turns samples into spikes; its weights are those of a new model, which nothing before the chip uses."""
    given = manifest.model
    if not given or not manifest.data:
        raise ExportError(
            f"{manifest_path(path)} does not say how samples become spikes, as the network was exported without the "
            "settings of a run: call neuroact.hardware.emulator.emulate with spikes"
        )
    if manifest.output != (len(manifest.classes) * manifest.voters,):
        missing = ", ".join(refusal.name for refusal in manifest.host)
        raise ExportError(f"{path} holds a part of the model, and no classes come out of it; the host has {missing}")
    model = create(given["name"], classes=len(manifest.classes), preset=given["preset"], **given["arguments"])
    return model.eval()


def _settings(manifest: Manifest, source: str, steps: int | None) -> DataConfig:
    """How the model's samples were made, of this data."""
    settings = DataConfig.model_validate({**manifest.data, "source": source})
    if steps is None:
        return settings
    if settings.encoder is None or settings.encoder.kind != "spikes":
        raise ValueError("steps can be chosen for spike trains that are encoded here; this data is not")
    encoder = settings.encoder.model_copy(update={"steps": steps, "step_us": None})
    return settings.model_copy(update={"encoder": encoder})


def _check_steps(manifest: Manifest, steps: int) -> None:
    if manifest.steps is not None and steps != manifest.steps:
        raise ValueError(f"a sample has {steps} steps; the network is reset, or read, after {manifest.steps}")


def _spread(positions: NDArray[np.int64], samples: int | None) -> NDArray[np.int64]:
    """At most so many of them, at equal distances: data sets are sorted by class."""
    if samples is None or samples >= positions.size:
        return positions
    if samples < 1:
        raise ValueError(f"samples must be at least 1, not {samples}")
    return positions[np.linspace(0, positions.size - 1, samples).round().astype(np.int64)]


def _batches(
    model: nn.Module, part: Part, positions: NDArray[np.int64]
) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.int64]]]:
    """Spikes `(B, T, ...)` and labels `(B,)`."""
    for data, labels in Loader(part, Batches(positions, batch=BATCH), workers=0, keep_workers=False):
        yield chip_input(model, as_input(data, part.kind)).numpy(), torch.as_tensor(labels).numpy()


def _equal(one: LavaOutput, other: LavaOutput) -> NDArray[np.bool_]:
    """Of which samples all is the same, `(B,)`."""
    sides = ((one.spikes, other.spikes), (one.potentials, other.potentials))
    return np.asarray(np.all([(ours == theirs).reshape(len(ours), -1).all(1) for ours, theirs in sides], axis=0))


def _logits(manifest: Manifest, output: LavaOutput) -> NDArray[np.float32]:
    """`(B, classes)`: potentials after the last step, or voters of a class that spike in a step, on average."""
    if manifest.unit is not None:
        return np.asarray(output.potentials * manifest.unit, np.float32)
    rates = output.spikes.mean(1, dtype=np.float64)  # (B, classes x voters)
    return np.asarray(rates.reshape(len(rates), -1, manifest.voters).sum(-1), np.float32)


def _activity(network: Network, means: NDArray[np.float64]) -> tuple[LayerActivity, ...]:
    placed = [
        (place, int(np.prod(shape)))
        for place, (layer, shape) in enumerate(zip(network.layers, network.shapes(), strict=True), 1)
        if not isinstance(layer, Flatten)
    ]
    return tuple(
        LayerActivity(place, neurons, float(spikes), float(operations))
        for (place, neurons), spikes, operations in zip(placed, *means, strict=True)
    )
