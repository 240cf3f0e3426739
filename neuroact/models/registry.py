"""Models by name: every family, what it takes, and its presets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from torch import nn

Takes = Literal["frames", "points"]
"""What a model learns from.

- `frames`: `(B, T, C, H, W)` float, T steps of C channels: spike counts, voxel grids or frames.
- `points`: `(B, N, 3)` float in [0, 1], as `neuroact.encoders.point_cloud` makes them: x, y, t in time order.
"""

M = TypeVar("M", bound=type[nn.Module])


@dataclass(frozen=True, slots=True)
class Family:
    """One kind of model.

    - `build`: takes `classes`, its sizes and `neuron` as keywords.
    - `presets`: arguments by name.
    """

    name: str
    build: Callable[..., nn.Module]
    takes: Takes
    presets: Mapping[str, Mapping[str, Any]]


FAMILIES: dict[str, Family] = {}
"""Every family by name."""


def register(name: str, takes: Takes, presets: Mapping[str, Mapping[str, Any]]) -> Callable[[M], M]:
    """Enters a class of models under a name."""

    def enter(build: M) -> M:
        FAMILIES[name] = Family(name, build, takes, presets)
        return build

    return enter


def family(name: str) -> Family:
    """The family of that name. Raises `ValueError`."""
    if name not in FAMILIES:
        raise ValueError(f"there is no model {name!r}; there are {', '.join(FAMILIES)}")
    return FAMILIES[name]


def create(name: str, *, classes: int, preset: str | None = None, **arguments: Any) -> nn.Module:
    """A new model with random weights; its `forward` maps what the family takes to logits `(B, classes)`.

    - `preset`: a name from the family's presets. `arguments`: of the model's class, over the preset's.

    Raises `ValueError` for a name or a preset that there is not and for sizes that do not fit, `TypeError` for an
    argument that the model does not take.
    """
    found = family(name)
    if preset is not None and preset not in found.presets:
        raise ValueError(f"{name} has no preset {preset!r}; it has {', '.join(found.presets)}")
    return found.build(classes=classes, **{**found.presets.get(preset or "", {}), **arguments})
