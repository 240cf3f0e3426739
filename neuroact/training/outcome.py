"""What comes of a run."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

Outcome = Literal["finished", "early", "stopped"]


@dataclass(frozen=True, slots=True)
class Best:
    """The epoch so far whose model is kept: the highest accuracy on the validation samples and, of equals, the lowest
    loss; or the last, if the run is to `choose` that.
    """

    epoch: int
    step: int
    top1: float
    loss: float

    def beaten_by(self, other: Best) -> bool:
        """Whether the other is better, not merely as good."""
        return (other.top1, -other.loss) > (self.top1, -self.loss)


@dataclass(frozen=True, slots=True)
class Trained:
    """What came of a run.

    - `path`: its folder. `epochs`: how many are finished. `steps`: how many were made.
    - `best`: None before an epoch is finished.
    - `outcome`: `finished`; `early`, it got no better; `stopped`, by SIGTERM, and can go on.
    """

    path: Path
    epochs: int
    steps: int
    best: Best | None
    outcome: Outcome

    def to_json(self) -> dict[str, object]:
        """Plain values for `json.dumps`."""
        return asdict(self) | {"path": str(self.path)}
