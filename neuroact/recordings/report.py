"""What happened while a recording was read: nothing is lost without a word."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Tally:
    """How often something happened, and the byte offset of the first time (None where bytes have no meaning)."""

    count: int = 0
    first_offset: int | None = None

    def add(self, count: int, offset: int | None) -> None:
        """Counts `count` more; `offset` is where the first of them stands."""
        if count and not self.count:
            self.first_offset = offset
        self.count += count


@dataclass(slots=True)
class Report:
    """What a pass over a recording kept and what it did not. Filled in as the pass goes on.

    - `events`: events kept.
    - `dropped`: damage, by reason: events outside the sensor, impossible words, broken packets.
    - `skipped`: sound content that is not a DVS event, by kind: triggers, IMU samples, frames.
    - `truncated_at`: byte offset of the record that the end of the file cuts, or None.
    - `backward_steps`, `largest_backward_step`: how often t is smaller than the event before, and by how many µs
      at most. Such events are kept, in file order.
    - `wraps`: overflows of the camera's clock that were undone.
    - `notes`: what else a reader should know, such as a clock that was reset.
    """

    events: int = 0
    dropped: dict[str, Tally] = field(default_factory=dict)
    skipped: dict[str, Tally] = field(default_factory=dict)
    truncated_at: int | None = None
    backward_steps: int = 0
    largest_backward_step: int = 0
    wraps: int = 0
    notes: list[str] = field(default_factory=list)

    def drop(self, reason: str, count: int, offset: int | None) -> None:
        """Counts `count` losses to damage."""
        if count:
            self.dropped.setdefault(reason, Tally()).add(count, offset)

    def skip(self, kind: str, count: int, offset: int | None) -> None:
        """Counts `count` pieces of sound content that are not DVS events."""
        if count:
            self.skipped.setdefault(kind, Tally()).add(count, offset)

    def note(self, text: str) -> None:
        """Adds a remark once."""
        if text not in self.notes:
            self.notes.append(text)

    @property
    def damaged(self) -> bool:
        """Whether anything was lost to damage."""
        return self.truncated_at is not None or bool(self.dropped)

    def summary(self) -> str:
        """One line on the damage, such as `12 events outside the sensor (first at byte 4096); cut at byte 9000`."""
        parts = [f"{tally.count} {reason}{_at(tally.first_offset)}" for reason, tally in self.dropped.items()]
        if self.truncated_at is not None:
            parts.append(f"cut at byte {self.truncated_at}")
        return "; ".join(parts) or "no damage"

    def to_json(self) -> dict[str, object]:
        """Plain values for `json.dumps`."""
        return {
            "events": self.events,
            "dropped": {reason: [tally.count, tally.first_offset] for reason, tally in self.dropped.items()},
            "skipped": {kind: [tally.count, tally.first_offset] for kind, tally in self.skipped.items()},
            "truncated_at": self.truncated_at,
            "backward_steps": self.backward_steps,
            "largest_backward_step": self.largest_backward_step,
            "wraps": self.wraps,
            "notes": list(self.notes),
        }


def _at(offset: int | None) -> str:
    return "" if offset is None else f" (first at byte {offset})"
