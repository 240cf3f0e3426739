"""A training step of SpikMamba in its paper's size: `python -m benchmarks.training_step`.

Hidden 256, two blocks, 2 x 8 frames of 128 x 128 pixels; forward, backward and the optimiser's, on all cores. There is
nothing to reach: it says what to expect without a GPU.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from pathlib import Path

from benchmarks.measure import Row, contest, python, report

BATCH, CLASSES, STEPS = 2, 11, 5
EVENTS = 0.1
"""Of each polarity, in a pixel and frame, on average."""


def step() -> None:
    """A contestant: the median of some steps, after one that compiles."""
    import torch
    from torch.nn.functional import cross_entropy

    from neuroact.models import create
    from neuroact.training.memory import keep_freed_memory
    from neuroact.training.optimisers import optimiser

    keep_freed_memory()  # as `neuroact train` does
    torch.manual_seed(0)
    model = create("spikmamba", classes=CLASSES, preset="spikmamba", channels=2)
    learning = optimiser(model, "adamw", learning_rate=1e-5, weight_decay=2e-4)
    frames = torch.poisson(torch.full((BATCH, 8, 2, 128, 128), EVENTS))
    labels = torch.randint(0, CLASSES, (BATCH,))
    took = []
    for _ in range(1 + STEPS):
        begin = time.perf_counter()
        cross_entropy(model(frames), labels).backward()  # type: ignore[no-untyped-call]
        learning.step()
        learning.zero_grad()
        took.append(time.perf_counter() - begin)
    print(json.dumps({"seconds": statistics.median(took[1:])}))


def main() -> None:
    """Measures and writes the row."""
    figures = contest({"SpikMamba": python(Path(__file__), "step")}, 3)
    seconds = figures["SpikMamba"].seconds
    claim = f"SpikMamba, hidden 256, {BATCH} x 8 frames of 128 x 128: a training step"
    reached = f"{1e3 * seconds:,.0f} ms, {BATCH / seconds:.2f} samples/s" if seconds else "failed"
    report("training_step", [Row(claim, "reported", reached, seconds > 0, figures)])


if __name__ == "__main__":
    step() if sys.argv[1:] == ["step"] else main()
