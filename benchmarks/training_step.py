"""Training steps on a CPU, on all cores: `python -m benchmarks.training_step`.

SpikMamba in its paper's size: hidden 256, two blocks, 2 x 8 frames of 128 x 128 pixels; and SpikePoint as its recipe
for N-MNIST has it. Forward, backward and the optimiser's. There is nothing to reach: it says what to expect without a
GPU, and what it is worth that `neuroact train` keeps the memory that a step frees.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from pathlib import Path

from benchmarks.measure import Figure, Row, contest, python, report

STEPS = 5
EVENTS = 0.1
"""Of each polarity, in a pixel and frame, on average."""
WHAT = {
    "spikmamba": ("SpikMamba, hidden 256, 2 x 8 frames of 128 x 128", 2),
    "spikepoint": ("SpikePoint, N-MNIST's recipe, 32 x 512 points", 32),
}
"""Each with its batch."""


def step(name: str, memory: str) -> None:
    """A contestant: the median of some steps, after two that compile and find room."""
    import torch
    from torch.nn.functional import cross_entropy

    from neuroact.models import create
    from neuroact.training import recipe
    from neuroact.training.memory import keep_freed_memory
    from neuroact.training.optimisers import optimiser

    if memory == "kept":
        keep_freed_memory()
    torch.manual_seed(0)
    _, batch = WHAT[name]
    if name == "spikmamba":
        model = create(name, classes=11, preset="spikmamba", channels=2)
        x = torch.poisson(torch.full((batch, 8, 2, 128, 128), EVENTS))
    else:
        settings = recipe(name, "nmnist")["model"]
        model = create(name, classes=10, preset=settings["preset"], **settings["arguments"])
        x = torch.rand(batch, 512, 3)
    learning = optimiser(model, "adamw", learning_rate=1e-5, weight_decay=2e-4)
    labels = torch.randint(0, 10, (batch,))
    took = []
    for _ in range(2 + STEPS):
        begin = time.perf_counter()
        cross_entropy(model(x), labels).backward()  # type: ignore[no-untyped-call]
        learning.step()
        learning.zero_grad()
        took.append(time.perf_counter() - begin)
    print(json.dumps({"seconds": statistics.median(took[2:])}))


def row(name: str) -> Row:
    """A model's step, with memory kept and given back."""
    figures = contest({memory: python(Path(__file__), "step", name, memory) for memory in ("kept", "given back")}, 3)
    claim, batch = WHAT[name]
    kept, given_back = figures["kept"], figures["given back"]
    met = kept.seconds > 0 and given_back.seconds > 0
    return Row(
        f"{claim}: a training step", "reported", _reached(kept, given_back, batch) if met else "failed", met, figures
    )


def _reached(kept: Figure, given_back: Figure, batch: int) -> str:
    return (
        f"{1e3 * kept.seconds:,.0f} ms, {batch / kept.seconds:.3g} samples/s; "
        f"{given_back.seconds / kept.seconds:.2f} × as long with memory given back after each step"
    )


if __name__ == "__main__":
    step(*sys.argv[2:]) if sys.argv[1:2] == ["step"] else report("training_step", [row(name) for name in WHAT])
