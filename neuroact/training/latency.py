"""How long a model takes for a batch, and how much memory it needs at most while it runs."""

from __future__ import annotations

import time
import weakref
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

import torch
from torch import Tensor, nn

from neuroact.training.evaluation import evaluating, floating
from neuroact.training.operations import Watch


@dataclass(frozen=True, slots=True)
class Latency:
    """Time and memory of one batch.

    - `batch`: samples in it. `seconds`: median for the whole batch. `rounds`: how often it ran.
    - `peak_bytes`: most that tensors held at once, weights and input included. On a GPU it is what torch's allocator
      handed out; on a CPU it is what operations returned, without what they use inside.
    - `device`: the GPU's name, or `cpu` and how many threads torch had.
    """

    batch: int
    seconds: float
    rounds: int
    peak_bytes: int
    device: str

    def to_json(self) -> dict[str, object]:
        """Plain values for `json.dumps`."""
        return asdict(self)


def measure_latency(model: nn.Module, data: Any, *, rounds: int = 9) -> Latency:
    """Runs a model on one batch again and again, in eval mode and without gradients.

    - `data`: `(B, ...)`, tensor or array; it is on the model's device before the clock starts. A batch of one gives the
      latency of a sample, a large one the throughput.
    - `rounds`: how often it is timed, after two runs that compile kernels and fill caches.

    Raises `ValueError` if `rounds < 1`.
    """
    if rounds < 1:
        raise ValueError(f"a median needs one round at least, not {rounds}")
    weights = [*model.parameters(), *model.buffers()]
    device = weights[0].device if weights else torch.device("cpu")
    batch = floating(data, device)
    with evaluating(model):
        model(batch)
        peak = _peak_on_gpu(model, batch) if device.type == "cuda" else _peak_of_tensors(model, batch, weights)
        seconds = [_timed(model, batch) for _ in range(rounds)]
    return Latency(batch.shape[0], median(seconds), rounds, peak, _described(device))


def _timed(model: nn.Module, batch: Tensor) -> float:
    if batch.is_cuda:
        torch.cuda.synchronize(batch.device)
    begin = time.perf_counter()
    model(batch)
    if batch.is_cuda:
        torch.cuda.synchronize(batch.device)
    return time.perf_counter() - begin


def _peak_on_gpu(model: nn.Module, batch: Tensor) -> int:
    torch.cuda.reset_peak_memory_stats(batch.device)
    model(batch)
    return int(torch.cuda.max_memory_allocated(batch.device))


def _peak_of_tensors(model: nn.Module, batch: Tensor, weights: list[Tensor]) -> int:
    held = _Held((batch, *weights))
    with Watch(held.seen):
        model(batch)
    return held.peak


class _Held:
    """Bytes of the tensors that are alive: each storage once, from the operation that makes it to its last use."""

    def __init__(self, tensors: Iterable[Tensor]) -> None:
        self._storages: set[int] = set()
        self.bytes = self.peak = 0
        for tensor in tensors:
            self._hold(tensor)

    def seen(self, operation: str, args: tuple[Any, ...], results: Any) -> None:
        for result in results if isinstance(results, (tuple, list)) else (results,):
            if isinstance(result, Tensor):
                self._hold(result)

    def _hold(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        key = storage.data_ptr()
        if key and key not in self._storages:
            self._storages.add(key)
            self.bytes += storage.nbytes()
            self.peak = max(self.peak, self.bytes)
            weakref.finalize(storage, self._release, key, storage.nbytes()).atexit = False

    def _release(self, key: int, size: int) -> None:
        self._storages.discard(key)
        self.bytes -= size


def _described(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{device.type}, threads: {torch.get_num_threads()}"
