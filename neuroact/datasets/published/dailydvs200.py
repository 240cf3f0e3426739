"""DailyDVS-200 (Wang et al., ECCV 2024): 200 everyday actions of 47 people before a DVXplorer Lite.

    ROOT/train.txt, val.txt, test.txt      the authors' lists, a line `action_<C+1>/<name>.aedat4 <C>` a recording
    ROOT/action_description.csv            names of the classes, where it is there
    ROOT/all_data.json                     14 attributes of each recording, where it is there
    ROOT/action_<C+1>/<name>.aedat4        22,046 recordings of 1 to 12 s

A name, `C0P3M0S1_20231111_09_11_23`, gives class, person, moving camera (0 or 1), scene and the time of recording.

The published lists put every recording of subject 4 into both val and test. Schemes:

- `strict`: val is without the subjects that test has too.
- `official`: as published. A recording has one split, so one that is in two lists is in test before val before train,
  and its attribute `also in` names the others. `Listing.listed` has every line as it stands.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from neuroact.datasets.dataset import Dataset
from neuroact.datasets.published.attribute_file import read_attributes
from neuroact.datasets.source import Listing, Source
from neuroact.errors import DatasetError

SENSOR_SIZE = (320, 240)
CLASSES = 200
SPLITS = ("train", "val", "test")
NAMES = "action_description.csv"
ATTRIBUTES = "all_data.json"
GRAMMAR = "action_<C+1>/C<C>P<p>M<0|1>S<0-5>_YYYYMMDD_HH_MM_SS.aedat4 <C>"
LINE = re.compile(
    r"(?P<path>action_(?P<folder>\d{1,3})/C(?P<action>\d{1,3})P(?P<subject>\d{1,3})M(?P<move>[01])S(?P<scene>[0-5])"
    r"_(?P<day>\d{8})_(?P<hour>\d\d)_(?P<minute>\d\d)_(?P<second>\d\d)\.aedat4) (?P<label>\d{1,3})",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Line:
    """What a line of a list says of a recording. `path`: below ROOT. `label`: 0 to 199."""

    path: str
    label: int
    subject: str
    recorded: datetime
    attributes: dict[str, str]

    @classmethod
    def parse(cls, text: str) -> Line:
        """Raises `ValueError` that says what is wrong."""
        match = LINE.fullmatch(text)
        if match is None:
            raise ValueError(f"expected {GRAMMAR}, found {text[:100]!r}")
        label, action, folder = (int(match[name]) for name in ("label", "action", "folder"))
        if label >= CLASSES:
            raise ValueError(f"expected a class from 0 to {CLASSES - 1}, found {label}")
        if not label == action == folder - 1:
            raise ValueError(
                f"expected one class C in action_<C+1>, in C<C> and at the end, found {folder}, {action} and {label}"
            )
        try:
            recorded = datetime.fromisoformat("{day}T{hour}:{minute}:{second}".format(**match.groupdict()))
        except ValueError as error:
            raise ValueError(f"expected a time YYYYMMDD_HH_MM_SS, found one that no clock shows ({error})") from error
        attributes = {"Move": match["move"], "Scene": match["scene"]}
        return cls(match["path"], label, f"P{int(match['subject'])}", recorded, attributes)


def listing(root: Path, scheme: str = "strict") -> Listing:
    """The recordings that the lists name, with class, split, subject, time and attributes.

    Recordings of the lists that are not there are in `missing`, files that no list names in `ignored`.

    Raises `DatasetError` if a list is not there, or if a line of any file is not what it should be.
    """
    lists = {split: read_list(root / f"{split}.txt") for split in SPLITS}
    found = Listing([], root)
    names = _class_names(root / NAMES)
    found.classes = tuple(f"{label:03d} {name}".rstrip() for label, name in enumerate(names))
    sizes = _sizes(root, found)
    known = {path: line for lines in lists.values() for path, line in lines.items()}
    attributes = _attributes(root / ATTRIBUTES, known, found)
    sources = {
        path: Source(
            path=root / path,
            size=sizes.pop(path, -1),
            name=path,
            class_name=found.classes[line.label],
            label=line.label,
            sensor_size=SENSOR_SIZE,
            format="aedat4",
            subject=line.subject,
            recorded=line.recorded,
            attributes=line.attributes | _action(names[line.label]) | attributes.get(Path(path).stem, {}),
        )
        for path, line in known.items()
    }
    found.ignored += [(root / path, "no list names it") for path in sizes]
    found.missing = [source.path for source in sources.values() if source.size < 0]
    members = _strict(lists, found) if scheme == "strict" else {split: list(lines) for split, lines in lists.items()}
    found.listed = [
        replace(sources[path], split=split, size=max(0, sources[path].size))
        for split, paths in members.items()
        for path in paths
    ]
    found.sources = [source for source in _one_split_each(found) if sources[source.name].size >= 0]
    return found


def read_list(path: Path) -> dict[str, Line]:
    """The lines of a list by the recording's path, in their order. Raises `DatasetError`."""
    lines: dict[str, Line] = {}
    for number, text in enumerate(_text(path).split("\n"), 1):
        if not text.strip():
            continue
        try:
            line = Line.parse(text.rstrip())
        except ValueError as error:
            raise DatasetError(f"{path}, line {number}: {error}") from error
        if line.path in lines:
            raise DatasetError(f"{path}, line {number}: expected each recording once, found {line.path} again")
        lines[line.path] = line
    return lines


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except FileNotFoundError as error:
        raise DatasetError(
            f"{path.parent}: no {path.name} in it; DailyDVS-200 needs the authors' train.txt, val.txt and test.txt "
            f"beside the folders action_1 to action_{CLASSES}"
        ) from error
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path}: expected text, found byte {error.start} that is not UTF-8") from error
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read: {error.strerror}") from error


def _class_names(path: Path) -> Sequence[str]:
    """Names by label; empty ones without the file. They repeat: 3 and 60 are both "roll up sleeves"."""
    if not path.is_file():
        return [""] * CLASSES
    try:
        rows = list(csv.reader(_text(path).splitlines()))
    except csv.Error as error:
        raise DatasetError(f"{path}: expected rows of <id>,<name>,<description> ({error})") from error
    names: list[str] = []
    for row in rows[1:]:  # the first is ID,Action,Action description
        if len(row) != 3 or row[0] != str(len(names)) or not row[1].strip():
            expected = f"{len(names)},<name>,<description>"
            raise DatasetError(f"{path}, row {len(names) + 2}: expected {expected}, found {str(row)[:100]}")
        names.append(row[1].strip())
    if len(names) != CLASSES:
        raise DatasetError(f"{path}: expected {CLASSES} classes, found {len(names)}")
    return names


def _action(name: str) -> dict[str, str]:
    return {"Action name": name} if name else {}


def _attributes(path: Path, known: Mapping[str, Line], found: Listing) -> dict[str, dict[str, str]]:
    """The authors' attributes by the recording's base name, without suffix."""
    if not path.is_file():
        return {}
    attributes = read_attributes(path)
    stems = {Path(name).stem for name in known}
    for few, what in (
        (stems - attributes.keys(), f"of the {len(stems)} recordings have no attributes in {path}"),
        (attributes.keys() - stems, f"of the {len(attributes)} entries of {path} are of no recording in the lists"),
    ):
        if few:
            found.notes.append(f"{len(few)} {what}, {min(few)!r} the first")
    return attributes


def _sizes(root: Path, found: Listing) -> dict[str, int]:
    """The size of every file in a folder of ROOT, by its path below ROOT; what else stands there is ignored."""
    sizes: dict[str, int] = {}
    ours = {NAMES, ATTRIBUTES, *(f"{split}.txt" for split in SPLITS)}
    for entry in sorted(root.iterdir()):
        if entry.name.startswith(".") or not entry.is_dir():
            if entry.name not in ours:
                found.ignored.append((entry, "hidden" if entry.name.startswith(".") else "no list names it"))
            continue
        for file in sorted(entry.iterdir()):
            if file.is_file():
                sizes[f"{entry.name}/{file.name}"] = file.stat().st_size
            else:
                found.ignored.append((file, "neither a recording nor a folder of recordings"))
    return sizes


def _strict(lists: Mapping[str, Mapping[str, Line]], found: Listing) -> dict[str, list[str]]:
    """The lists, but val without the subjects of test."""
    tested = {line.subject for line in lists["test"].values()}
    kept = [path for path, line in lists["val"].items() if line.subject not in tested]
    out = [line for line in lists["val"].values() if line.subject in tested]
    if out:
        subjects = ", ".join(sorted({line.subject for line in out}))
        found.notes.append(
            f"strict split: {len(out)} recordings that val.txt names are left out of val, which keeps {len(kept)}: "
            f"they are of subjects that test has too ({subjects})"
        )
    elsewhere = lists["train"].keys() | lists["test"].keys()
    nowhere = [line for line in out if line.path not in elsewhere and found.root / line.path not in found.missing]
    found.ignored += [(found.root / line.path, f"left out of val: {line.subject} is in test") for line in nowhere]
    return {"train": list(lists["train"]), "val": kept, "test": list(lists["test"])}


def _one_split_each(found: Listing) -> Iterator[Source]:
    """Every recording once: in test before val before train, with `also in` for the others."""
    splits: dict[str, list[str]] = {}
    for source in found.listed:
        splits.setdefault(source.name, []).append(source.split or "")
    twice = [where for where in splits.values() if len(where) > 1]
    for where in sorted({tuple(where) for where in twice}):
        count = sum(tuple(entry) == where for entry in twice)
        found.notes.append(
            f"{count} recordings are in the lists of {' and '.join(where)}; each is taken once, into {where[-1]}, with "
            f"the attribute 'also in'. neuroact datasets audit tells more"
        )
    for source in found.listed:
        *others, split = splits[source.name]
        if source.split == split:
            also = {"also in": " ".join(others)} if others else {}
            yield replace(source, attributes={**source.attributes, **also})


DAILYDVS200 = Dataset(
    name="dailydvs200",
    title="DailyDVS-200",
    classes=CLASSES,
    recordings=22_046,
    sensor_size=SENSOR_SIZE,
    licence="MIT",
    place="https://github.com/QiWang233/DailyDVS-200",
    files=f"""train.txt, val.txt, test.txt
{NAMES} (optional)
{ATTRIBUTES} (optional)
action_<C+1>/C<C>P<p>M<m>S<s>_YYYYMMDD_HH_MM_SS.aedat4""",
    schemes=("strict", "official"),
    listing=listing,
)
