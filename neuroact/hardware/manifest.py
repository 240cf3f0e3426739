"""What a NetX file cannot say, in a JSON file of its name beside it: what goes in, how to read what comes out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from neuroact.atomic import whole_file
from neuroact.errors import ExportError, Refusal
from neuroact.hardware.quantise import Loss, Quantised

SUFFIX = ".json"


@dataclass(frozen=True, slots=True)
class Manifest:
    """How the host uses a network.

    - `digest`: SHA-256 of the NetX file that this is about.
    - `shape`: of the input, (C, H, W) or (N,); `takes` says what it is. `output`: its shape.
    - `steps`: T of an input, None if any will do. `latency`: steps until the first of it shows in the output.
    - `reset_interval`: steps after which Lava is to set all states to 0, with `reset_offset=1`; None for never.
    - `reads`: "spikes", of which each class has `voters` side by side, or "potentials" of the last layer after step T.
    - `unit`: what a potential of 1 adds to a logit.
    - `classes`: names; () if not known. `model`: arguments of `neuroact.models.create`. `data`: settings of the samples
      that it learned from, as in a run's `config.toml`, but where they are.
    - `losses`: of quantisation. `host`: what of the model is not in the file.
    """

    digest: str
    shape: tuple[int, ...]
    takes: str
    output: tuple[int, ...]
    steps: int | None
    latency: int
    reset_interval: int | None
    reads: str
    voters: int
    unit: float | None
    classes: tuple[str, ...]
    model: Mapping[str, Any]
    data: Mapping[str, Any]
    losses: tuple[Loss, ...]
    host: tuple[Refusal, ...]

    @classmethod
    def of(
        cls, quantised: Quantised, net: Path, *, classes: tuple[str, ...] = (), model: Mapping[str, Any] | None = None,
        data: Mapping[str, Any] | None = None,
    ) -> Self:  # fmt: skip
        """That of a network which was written to the file `net`."""
        network = quantised.network
        return cls(
            _digest(net), network.shape, quantised.takes, network.shapes()[-1], quantised.steps, network.latency,
            network.reset_interval, quantised.reads, quantised.voters, quantised.unit, classes, model or {}, data or {},
            quantised.losses, quantised.host,
        )  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        """Plain values for `json.dumps`."""
        return asdict(self) | {"host": [refusal._asdict() for refusal in self.host]}


def manifest_path(net: Path) -> Path:
    """Where the manifest of a NetX file is."""
    return net.with_suffix(SUFFIX)


def write_manifest(manifest: Manifest, net: Path) -> Path:
    """Write it beside the NetX file `net`, whole or not at all, and return where."""
    path = manifest_path(net)
    with whole_file(path) as temporary:
        temporary.write_text(json.dumps(manifest.to_json(), indent=2) + "\n", "utf-8")
    return path


def read_manifest(net: Path) -> Manifest:
    """The manifest of a NetX file.

    Raises `ExportError` if there is none, if it is not as it was written, or if it is that of another network.
    """
    path = manifest_path(net)
    try:
        given = json.loads(path.read_text("utf-8"))
        manifest = Manifest(**given | {
            "shape": tuple(given["shape"]), "output": tuple(given["output"]), "classes": tuple(given["classes"]),
            "losses": tuple(Loss(**loss) for loss in given["losses"]),
            "host": tuple(Refusal(**refusal) for refusal in given["host"]),
        })  # fmt: skip
    except FileNotFoundError:
        raise ExportError(f"{path}: not found; neuroact export writes it beside the NetX file") from None
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise ExportError(f"{path}: no manifest of a network: {error}") from error
    if manifest.digest != _digest(net):
        raise ExportError(f"{path}: it is about another network than {net.name} holds")
    return manifest


def _digest(net: Path) -> str:
    return hashlib.sha256(net.read_bytes()).hexdigest()
