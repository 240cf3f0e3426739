"""Which recordings go into which shards: decided by the request and the sources, whoever does the work."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

from neuroact.datasets.source import Source
from neuroact.datasets.store.request import ConvertRequest
from neuroact.datasets.store.shards import SHARD_SAMPLES

GROUP_BYTES = 64 << 20
"""Of recordings. Where samples depend on how long recordings are, this is what keeps groups alike."""


@dataclass(frozen=True, slots=True)
class Group:
    """Consecutive recordings that are converted by one worker into shards of their own.

    - `folder`: of the store.
    - `number`: of the group. `first`: the index of its first recording.
    - `quarantined`: why which recordings, by index, must not be touched again.
    """

    folder: Path
    request: ConvertRequest
    number: int
    first: int
    sources: tuple[Source, ...]
    quarantined: dict[int, str] = field(default_factory=dict)

    @property
    def indices(self) -> range:
        """Of its recordings among all."""
        return range(self.first, self.first + len(self.sources))

    def without(self, recording: int, reason: str) -> Self:
        """The group with one recording left alone."""
        return replace(self, quarantined=self.quarantined | {recording: reason})

    def shard(self, count: int) -> Path:
        """Where the shard stands that has `count` of the group's before it."""
        return self.folder / f"shard-{self.number:05d}-{count:03d}.h5"


def plan(sources: Sequence[Source], request: ConvertRequest, folder: Path) -> list[Group]:
    """The groups, in order; together they hold every source once."""
    return [
        Group(folder, request, number, part.start, tuple(sources[part.start : part.stop]))
        for number, part in enumerate(_ranges(sources, request.samples_per_recording))
    ]


def _ranges(sources: Sequence[Source], samples_each: int | None) -> Iterator[range]:
    most = SHARD_SAMPLES if samples_each is None else max(1, SHARD_SAMPLES // samples_each)
    begin = size = 0
    for index, source in enumerate(sources):
        more = 0 if index > begin and source.path == sources[index - 1].path else source.size
        if index > begin and (index - begin >= most or size + more > GROUP_BYTES):
            yield range(begin, index)
            begin, size, more = index, 0, source.size
        size += more
    yield range(begin, len(sources))
