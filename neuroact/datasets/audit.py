"""audit: whether the splits of a data set, a folder or a store know of each other."""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import combinations, product
from pathlib import Path
from typing import Literal

from neuroact.datasets import catalogue
from neuroact.datasets.source import Listing, Source
from neuroact.datasets.sources import collect
from neuroact.datasets.store.layout import STORE_FILE
from neuroact.datasets.store.store import Store, open_store
from neuroact.errors import DatasetError, SplitLeak

Kind = Literal["subject", "recording", "windows", "content", "neighbours"]
Members = Sequence["Member"]
Found = dict[tuple[str, ...], set[str]]
"""What two splits share: an example -> the keys of the second split's recordings that it concerns."""

WITHIN = 15.0
"""Seconds. HARDVS was recorded in takes that follow each other after about 10 s."""
EXAMPLES = 5
ORDER = ("train", "val", "test")


@dataclass(frozen=True, slots=True)
class Member:
    """One recording, or a part of one, in one split.

    - `name`: of the recording. `key`: equal for members that are of one recording.
    - `content`: equal for files of equal bytes; None where it is not known.
    """

    name: str
    key: str
    split: str
    class_name: str | None = None
    subject: str | None = None
    recorded: datetime | None = None
    span: tuple[int, int] | None = None
    content: str | None = None


@dataclass(frozen=True, slots=True)
class Leak:
    """What two splits share.

    - `kind`: `subject`, one person in both. `recording`, one recording in both. `windows`, different parts of one
      recording in both. `content`, recordings of other names and equal bytes. `neighbours`, recordings of one class
      that were made shortly after each other; recordings that are in both splits do not count here.
    - `count`: of subjects for that kind, else of recordings in the second split.
    - `recordings`, of `total`: how many of the recordings in the second split that concerns.
    - `examples`: the first of them; a subject, a recording, or one recording of each split.
    """

    kind: Kind
    splits: tuple[str, str]
    count: int
    recordings: int
    total: int
    examples: tuple[tuple[str, ...], ...]

    def __str__(self) -> str:
        first, second = self.splits
        some = f"{self.recordings:,} of the {self.total:,} recordings in {second}"
        return {
            "subject": f"{some} are of subjects that are also in {first} ({self.count})",
            "recording": f"{some} are also in {first}",
            "windows": f"{some} have other windows in {first}",
            "content": f"{some} equal another recording in {first}",
            "neighbours": f"{some} were made just before or after one of their class in {first}",
        }[self.kind]


@dataclass(frozen=True, slots=True)
class Split:
    """How many recordings, classes and subjects a split has."""

    recordings: int
    classes: int
    subjects: int


@dataclass(frozen=True, slots=True)
class Audit:
    """What was looked at and what was found.

    - `recordings`: how many, each counted once. `splits`: in the order train, val, test, others.
    - `leaks`: by kind and pair of splits; empty if the splits share nothing that was looked for.
    - `unknown`: of how many recordings the `subject`, the time (`recorded`), the `content` or the `split` is not known,
      so that nothing can be said of them. Kinds of which all is known are left out.
    - `within`: recordings of one class count as neighbours if fewer seconds lie between them.
    """

    recordings: int
    splits: Mapping[str, Split]
    leaks: tuple[Leak, ...]
    unknown: Mapping[str, int]
    within: float

    @property
    def clean(self) -> bool:
        """Whether nothing was found. It says nothing of what is `unknown`."""
        return not self.leaks

    def raise_for_leaks(self) -> None:
        """Raises `SplitLeak` unless the audit is clean."""
        if self.leaks:
            raise SplitLeak("; ".join(map(str, self.leaks)))

    def to_json(self) -> dict[str, object]:
        """Plain values for `json.dumps`."""
        return {"clean": self.clean, **asdict(self)}


def audit(what: Listing | Sequence[Source] | Store, *, within: float = WITHIN, content: bool = False) -> Audit:
    """Looks for what the splits share: subjects, recordings, windows of one recording, content, neighbours in time.

    - `what`: the listing of a data set, of which its lists count even if the recordings are not there; sources; or a
      store.
    - `within`: how near recordings of one class may be, in seconds, before they count as neighbours.
    - `content`: compare files. Those are read whose size another file has too. A store knows the content by itself.

    Raises `DatasetError` if there are fewer than two splits, `ValueError` if `within` is negative.
    """
    if within < 0:
        raise ValueError(f"within is {within} seconds; it must not be negative")
    everything = _of_store(what) if isinstance(what, Store) else _of_sources(what, content)
    members = [member for member in everything if member.split]
    splits = sorted({member.split for member in members}, key=_rank)
    if len(splits) < 2:
        there = f"only the split {splits[0]}" if splits else "no split"
        raise DatasetError(f"nothing to compare: {len(everything)} recordings and {there}; an audit compares splits")
    by_split = {split: [member for member in members if member.split == split] for split in splits}
    looks: dict[Kind, Callable[[Members, Members], Found]] = {
        "subject": _subjects,
        "recording": _recordings,
        "windows": _windows,
        "content": _contents,
        "neighbours": partial(_neighbours, within=timedelta(seconds=within)),
    }
    pairs = list(combinations(splits, 2))
    leaks = (_leak(kind, pair, look(*(by_split[split] for split in pair)), by_split[pair[1]])
             for kind, look in looks.items() for pair in pairs)  # fmt: skip
    return Audit(
        recordings=len({member.key for member in everything}),
        splits={split: _summary(of) for split, of in by_split.items()},
        leaks=tuple(leak for leak in leaks if leak.count),
        unknown=_unknown(everything),
        within=within,
    )


def auditable(text: str) -> Listing | Sequence[Source] | Store:
    """What a text names that `audit` takes: `NAME:ROOT` or `NAME@SCHEME:ROOT`, a store, a folder, a glob or a list.

    Raises `RecordingNotFound`, `DatasetError` or `StoreError` if there is no such thing.
    """
    if dataset := catalogue.named(text):
        known, scheme, root = dataset
        return catalogue.listing(known, root, scheme)
    if (Path(text) / STORE_FILE).is_file():
        return open_store(text)
    return collect([text]).sources


def _of_store(store: Store) -> list[Member]:
    return [
        Member(
            name=record.source,
            key=record.source if record.span is None else record.source.rpartition("#")[0],
            split=record.split or "",
            class_name=None if record.label is None else store.classes[record.label],
            subject=record.subject,
            recorded=record.recorded,
            span=record.span,
            content=record.sha256,
        )
        for record in store.records
    ]


def _of_sources(what: Listing | Sequence[Source], content: bool) -> list[Member]:
    sources = (what.listed or what.sources) if isinstance(what, Listing) else what
    root = what.root if isinstance(what, Listing) else None
    # A split made of symbolic links has one recording under two names.
    keys = {path: str(path.resolve()) for path in {source.path for source in sources}}
    contents = _read(sources) if content else {}
    return [
        Member(
            name=source.name or _name(source, root),
            key=keys[source.path],
            split=source.split or "",
            class_name=source.class_name,
            subject=source.subject,
            recorded=source.recorded,
            span=source.span,
            content=contents.get(source.path),
        )
        for source in sources
    ]


def _name(source: Source, root: Path | None) -> str:
    path = (source.path if root is None else source.path.relative_to(root)).as_posix()
    return path if source.part is None else f"{path}#{source.part}"


def _read(sources: Sequence[Source]) -> dict[Path, str]:
    """The content of the files that can be read: their SHA-256, or their size if no other file has it."""
    of_size: dict[int, list[Path]] = defaultdict(list)
    for path in dict.fromkeys(source.path for source in sources):
        with suppress(OSError):  # what is not in the result counts as unknown
            of_size[path.stat().st_size].append(path)
    contents = {}
    for size, paths in of_size.items():
        for path in paths:
            with suppress(OSError):
                contents[path] = f"{size} bytes" if len(paths) == 1 else _sha256(path)
    return contents


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _rank(split: str) -> tuple[int, str]:
    return (ORDER.index(split) if split in ORDER else len(ORDER), split)


def _summary(members: Members) -> Split:
    return Split(
        recordings=len({member.key for member in members}),
        classes=len({member.class_name for member in members} - {None}),
        subjects=len({member.subject for member in members} - {None}),
    )


def _unknown(members: Members) -> dict[str, int]:
    without = {
        "split": {member.key for member in members if not member.split},
        "subject": {member.key for member in members if member.subject is None},
        "recorded": {member.key for member in members if member.recorded is None},
        "content": {member.key for member in members if member.content is None},
    }
    return {what: len(keys) for what, keys in without.items() if keys}


def _leak(kind: Kind, splits: tuple[str, str], found: Found, second: Members) -> Leak:
    return Leak(
        kind=kind,
        splits=splits,
        count=len(found),
        recordings=len(set().union(*found.values())),
        total=len({member.key for member in second}),
        examples=tuple(sorted(found)[:EXAMPLES]),
    )


def _subjects(first: Members, second: Members) -> Found:
    known = {member.subject for member in first}
    found: Found = defaultdict(set)
    for member in second:
        if member.subject is not None and member.subject in known:
            found[(member.subject,)].add(member.key)
    return found


def _recordings(first: Members, second: Members) -> Found:
    return {(name,): {key} for key, name, overlap in _shared(first, second) if overlap}


def _windows(first: Members, second: Members) -> Found:
    return {(name,): {key} for key, name, overlap in _shared(first, second) if not overlap}


def _shared(first: Members, second: Members) -> list[tuple[str, str, bool]]:
    """Key and name of the recordings that both have, and whether they have some moment of it in common."""
    ours, theirs = _by_key(first), _by_key(second)
    parts = {key: (ours[key], theirs[key]) for key in ours.keys() & theirs.keys()}
    return [
        (key, theirs[key][0].name, any(_overlap(one.span, other.span) for one, other in product(*pair)))
        for key, pair in parts.items()
    ]


def _by_key(members: Members) -> dict[str, list[Member]]:
    by_key: dict[str, list[Member]] = defaultdict(list)
    for member in members:
        by_key[member.key].append(member)
    return by_key


def _overlap(one: tuple[int, int] | None, other: tuple[int, int] | None) -> bool:
    return one is None or other is None or (one[0] < other[1] and other[0] < one[1])


def _contents(first: Members, second: Members) -> Found:
    known: dict[str, list[Member]] = defaultdict(list)
    for member in first:
        if member.content is not None:
            known[member.content].append(member)
    found: Found = {}
    for member in second:
        equal = known.get(member.content or "", ())
        twin = next((other for other in equal if other.key != member.key), None)
        if twin is not None:
            found[twin.name, member.name] = {member.key}
    return found


def _neighbours(first: Members, second: Members, within: timedelta) -> Found:
    """For each recording of `second` that has neighbours in `first`, the nearest."""
    both = {member.key for member in first} & {member.key for member in second}
    taken: dict[str | None, list[tuple[datetime, str]]] = defaultdict(list)
    for member in first:
        if member.recorded is not None and member.key not in both:
            taken[member.class_name].append((member.recorded, member.name))
    for times in taken.values():
        times.sort()
    found: Found = {}
    for member in second:
        when, times = member.recorded, taken.get(member.class_name, [])
        if when is None or member.class_name is None or member.key in both:
            continue
        after = bisect_left(times, (when, ""))
        gaps = [(abs(time - when), name) for time, name in times[max(0, after - 1) : after + 1]]
        gap, name = min(gaps, default=(within, ""))
        if gap < within:
            found[name, member.name] = {member.key}
    return found
