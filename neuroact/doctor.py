"""What this machine has, and which implementation of each kernel runs on it."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch

from neuroact import kernels
from neuroact.cores import granted
from neuroact.kernels.backends import BACKENDS, choose, why_not

PACKAGES = ("numpy", "numba", "torch", "triton", "h5py", "hdf5plugin", "lz4", "zstandard", "rosbags")
OPTIONAL = ("mamba_ssm", "spikingjelly", "snntorch", "tonic", "nir", "distributed")


@dataclass(frozen=True)
class Report:
    """What `neuroact doctor` prints.

    - `packages`: name to version, None where one is not installed.
    - `devices`: name to description; the names are torch's.
    - `runs`: operation to device to the backend that runs there.
    - `refused`: backend to the reason why it cannot run on any device; for those that cannot.
    """

    python: str
    system: str
    packages: dict[str, str | None]
    devices: dict[str, str]
    runs: dict[str, dict[str, str]]
    refused: dict[str, str]


def doctor() -> Report:
    """Looks at the machine. Runs nothing on it but the choice of backends."""
    devices = {"cpu": f"{platform.machine()}, {granted()} cores, torch uses {torch.get_num_threads()}"}
    for index in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(index)
        devices[f"cuda:{index}"] = f"{properties.name}, {properties.total_memory >> 30} GiB"
    samples = {device: torch.empty(1, 1, device=device) for device in devices}
    runs: dict[str, dict[str, str]] = {
        name: {device: choose(sample, None, operation.backends) for device, sample in samples.items()}
        for name, operation in operations().items()
    }
    reasons = {backend: [why_not(backend, sample) for sample in samples.values()] for backend in BACKENDS}
    refused: dict[str, str] = {backend: why[-1] for backend, why in reasons.items() if all(why) and why[-1]}
    packages = {name: _version(name) for name in PACKAGES + OPTIONAL}
    return Report(platform.python_version(), platform.platform(), packages, devices, runs, refused)


def operations() -> dict[str, Any]:
    """The kernels' public functions that have backends, by name."""
    found = {name: getattr(kernels, name) for name in kernels.__all__}
    return {name: function for name, function in found.items() if hasattr(function, "backends")}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
