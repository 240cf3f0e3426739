"""What a store says of every recording: one line of JSON each, in the order of the sources."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal, Self

from neuroact.datasets.source import Source

State = Literal["done", "partial", "failed", "quarantined"]


@dataclass(frozen=True, slots=True)
class Record:
    """What became of one recording.

    - `source`: its name. `bytes`, `sha256`: of the file; the latter None if it could not be read.
    - `label`, `split`, `subject`, `recorded`: as its data set has them, None where it is not known. `attributes`: what
      else it says of the recording, by name.
    - `span`: the part of the file that is meant, `start <= t < stop` in µs; None for all of it.
    - `state`: `done`; `partial`, something was lost; `failed`, nothing could be kept; `quarantined`, it twice killed
      the process that converted it. `reason` says why.
    - `format`, `sensor_size`: as read, before filters.
    - `samples`, and in which `shards`: name of the file -> samples, in order.
    - `events_read`: sound events in the file, or in the part of it that is meant. `events_dropped`: losses to damage
      anywhere in the file, as `Report.dropped` counts them. `events_filtered`: taken out by filters. `events_late`: too
      late for their window, since time ran backwards. `events_between`: in the gaps of windows shorter than their
      stride.
    """

    source: str
    bytes: int
    sha256: str | None = None
    label: int | None = None
    split: str | None = None
    subject: str | None = None
    recorded: datetime | None = None
    attributes: dict[str, str] = field(default_factory=dict)
    span: tuple[int, int] | None = None
    state: State = "done"
    reason: str | None = None
    format: str | None = None
    sensor_size: tuple[int, int] | None = None
    samples: int = 0
    shards: dict[str, int] = field(default_factory=dict)
    events_read: int = 0
    events_dropped: int = 0
    events_filtered: int = 0
    events_late: int = 0
    events_between: int = 0

    @classmethod
    def of(cls, source: Source, **found: Any) -> Self:
        """What is known of a source beforehand, and what was found of it."""
        known = {name: getattr(source, name) for name in ("label", "split", "subject", "recorded", "span")}
        return cls(source.name, source.size, attributes=dict(source.attributes), **known, **found)

    @property
    def sound(self) -> bool:
        """Whether nothing went wrong."""
        return self.state == "done"

    def to_json(self) -> dict[str, object]:
        """Plain values for `json.dumps`."""
        return asdict(self) | {"recorded": self.recorded and self.recorded.isoformat()}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """The inverse of `to_json`. Raises `ValueError` or `TypeError` for anything else."""
        pairs = {name: tuple(values[name]) for name in ("sensor_size", "span") if values.get(name)}
        recorded = {"recorded": datetime.fromisoformat(values["recorded"])} if values.get("recorded") else {}
        return cls(**(values | pairs | recorded))


def to_lines(records: Iterable[Record]) -> str:
    """The text of a manifest."""
    return "".join(json.dumps(record.to_json()) + "\n" for record in records)


def from_lines(text: str) -> list[Record]:
    """The records of a manifest. Raises `ValueError` or `TypeError` if it is not one."""
    return [Record.from_json(json.loads(line)) for line in text.splitlines()]
