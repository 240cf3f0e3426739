"""PAF, or DVS Action (Miao et al. 2019): ten actions in front of a standing DAVIS346.

    ROOT/<class>/<subject>_<class code>.<repetition>.aedat

Of the 450 recordings in the paper 292 were released, of ten people. The authors publish no split, so recordings have
none here: leave people out to test on. The lists that ExACT's authors made (`PAF_train.txt`, `PAF_val.txt`) are read
from ROOT by the scheme `exact`; every person whom they test on is also in what they train on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from neuroact.datasets.dataset import Dataset
from neuroact.datasets.source import Listing, Source
from neuroact.datasets.tree import files_below, read_splits
from neuroact.errors import DatasetError

SENSOR_SIZE = (346, 260)
CLASSES = (
    "arm crossing",
    "get up",
    "kicking",
    "picking up",
    "jumping",
    "sit down",
    "throwing",
    "turning around",
    "walking",
    "waving",
)
"""By label, which is the code in a file's name less 1."""
RECORDING = re.compile(r"([a-z]+)_(\d{1,2})\.([123])\.aedat")
MISSPELT = {"chnejieneng": "chenjieneng"}
SUBJECTS = frozenset(
    (
        "chenjieneng",
        "houjing",
        "kaibo",
        "liuxingbo",
        "miaoshu",
        "ningxiangyu",
        "tanglixuan",
        "xiaohuang",
        "zhangliming",
        "ziyang",
    )
)
LISTS = {"PAF_train.txt": "train", "PAF_val.txt": "val"}
OTHER_LISTS = {"PAF_whole.txt", "PAF_whole_45.txt", "PAF_sampled_train.txt", "PAF_sampled_val.txt", "PAF.json"}


def listing(root: Path, scheme: str = "none") -> Listing:
    """Every recording with its action and who does it.

    Raises `DatasetError` if there are none, or if a list of the scheme `exact` makes no sense.
    """
    listing = Listing([], root, classes=CLASSES)
    folders = {_words(name): code for code, name in enumerate(CLASSES)}
    for path in files_below(root):
        match = RECORDING.fullmatch(path.name)
        code = int(match[2]) - 1 if match else -1
        if match is None or not 0 <= code < len(CLASSES):
            if path.name not in LISTS and path.name not in OTHER_LISTS:
                listing.ignored.append((path, "not <subject>_<code>.<repetition>.aedat"))
        elif (folder := folders.get(_words(path.parent.name))) is None:
            listing.ignored.append((path, "not in the folder of one of the ten actions"))
        elif folder != code:
            listing.ignored.append((path, f"its code {code + 1} says {CLASSES[code]!r}, its folder another action"))
        else:
            listing.sources.append(_source(path, match, code))
    if not listing.sources:
        raise DatasetError(
            f"{root}: no <class>/<subject>_<code>.<repetition>.aedat in it, as PAF has "
            "(arm-crossing/chenjieneng_1.1.aedat, ...)"
        )
    listing.notes += _unusual(listing.sources)
    if scheme == "none":
        listing.notes.append("PAF has no official split, so no recording has one; leave subjects out to test on")
    else:
        _split(listing)
    return listing


def _source(path: Path, match: re.Match[str], code: int) -> Source:
    name, _, repetition = match.groups()
    return Source(
        path=path,
        size=path.stat().st_size,
        class_name=CLASSES[code],
        sensor_size=SENSOR_SIZE,
        format="aedat2",
        subject=MISSPELT.get(name, name),
        attributes={"repetition": repetition},
    )


def _unusual(sources: list[Source]) -> Iterator[str]:
    """Notes on subjects whom the set does not have: a misspelt name would part one person into two."""
    for subject in sorted({source.subject for source in sources if source.subject} - SUBJECTS):
        yield f"{subject} is none of the ten people of PAF: perhaps the name is misspelt"


def _split(listing: Listing) -> None:
    """Splits recordings as ExACT's lists say, in which one line is there twice."""
    splits = read_splits(listing.root, LISTS, _listed)
    listing.missing += [listing.root / name for name in LISTS if not (listing.root / name).is_file()]
    if not splits:
        raise DatasetError(f"{listing.root}: neither {' nor '.join(LISTS)} in it, which the scheme 'exact' reads")
    listing.notes.append("the split of ExACT's lists: every person in val is also in train")
    sources, listing.sources = listing.sources, []
    for source in sources:
        split = splits.pop((_words(source.path.parent.name), source.path.name), None)
        if split is None:
            listing.ignored.append((source.path, "in none of ExACT's lists"))
        else:
            listing.sources.append(replace(source, split=split))
    listing.missing += [listing.root / folder / name for folder, name in sorted(splits)]


def _listed(line: str) -> tuple[str, str]:
    r"""Class and name of the recording in a line such as `\PAF\arm crossing\houjing_1.2.aedat`."""
    parts = re.split(r"[\\/]+", line)
    if len(parts) < 2 or not RECORDING.fullmatch(parts[-1]):
        raise ValueError(f"{line!r} does not end in <class>\\<subject>_<code>.<repetition>.aedat")
    return _words(parts[-2]), parts[-1]


def _words(folder: str) -> str:
    """A class folder's name, with spaces whether it has hyphens, underscores or spaces."""
    return re.sub(r"[-_ ]+", " ", folder).strip().lower()


PAF = Dataset(
    name="paf",
    title="PAF (DVS Action)",
    classes=len(CLASSES),
    recordings=292,
    sensor_size=SENSOR_SIZE,
    licence=None,
    place="https://github.com/CrystalMiaoshu/PAFBenchmark (Action Recognition)",
    files="""<class>/<subject>_<code>.<repetition>.aedat    such as arm-crossing/chenjieneng_1.1.aedat
PAF_train.txt, PAF_val.txt                     of ExACT, for the scheme exact alone""",
    schemes=("none", "exact"),
    listing=listing,
)
