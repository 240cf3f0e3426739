"""From the arguments of `convert` to a sorted list of recordings."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from neuroact.datasets import catalogue
from neuroact.datasets.dataset import Dataset
from neuroact.datasets.folders import folder_listing
from neuroact.datasets.published import nmnist
from neuroact.datasets.source import Listing, Source
from neuroact.errors import DatasetError, RecordingNotFound


@dataclass(frozen=True, slots=True)
class Collection:
    """All recordings to convert, sorted by path, the parts of one by number.

    - `classes`: names of the classes; a source's label is an index into them.
    - `single`: whether one recording was named by its own path, so that one file comes out.
    - `ignored`: files that are not recordings, and why. `notes`: what the user should know.
    """

    sources: tuple[Source, ...]
    classes: tuple[str, ...]
    single: bool
    ignored: tuple[tuple[Path, str], ...]
    notes: tuple[str, ...]


def collect(arguments: Sequence[str | os.PathLike[str]], *, out: Path | None = None) -> Collection:
    """The recordings that `arguments` stand for.

    An argument is a recording, a folder (searched through), a glob, a list of paths (`@FILE`, or a `.txt` file whose
    first line is the path of a file), or a data set, `NAME:ROOT` or `NAME@SCHEME:ROOT` with a way to split it. NAME may
    be `tonic:` and a name of tonic's. `out` is left out of the search.

    Raises `RecordingNotFound` if an argument names nothing, `DatasetError` if there is no recording or a data set is
    not laid out as it should be, `MissingExtra` for tonic's sets without tonic.
    """
    texts = [os.fspath(argument) for argument in arguments]
    listings = [listing for text in texts for listing in _listings(text, out)]
    if not any(listing.sources for listing in listings):
        raise DatasetError(f"no recordings found in {', '.join(texts) or 'nothing'}")
    root = os.path.commonpath([_absolute(listing.root) for listing in listings])
    classes = _classes(listings)
    known: dict[tuple[str, int], Source] = {}
    for source in (source for listing in listings for source in listing.sources):
        path = Path(os.path.relpath(_absolute(source.path), root)).as_posix()
        name = path if source.part is None else f"{path}#{source.part}"
        label = None if source.class_name is None else classes.index(source.class_name)
        known.setdefault((path, source.part or 0), replace(source, name=name, label=label))
    return Collection(
        tuple(known[key] for key in sorted(known)),
        classes,
        single=len(texts) == 1 and Path(texts[0]).is_file() and not _is_list(Path(texts[0])),
        ignored=tuple(entry for listing in listings for entry in listing.ignored),
        notes=tuple(note for listing in listings for note in listing.notes),
    )


def _classes(listings: Sequence[Listing]) -> tuple[str, ...]:
    """Class names in the order of their labels: as a data set fixes it, else numbers by value, then names."""
    fixed = dict.fromkeys(name for listing in listings for name in listing.classes)
    found = {source.class_name for listing in listings for source in listing.sources} - {None, *fixed}
    names = sorted(filter(None, found), key=lambda name: (0, int(name), name) if name.isdecimal() else (1, 0, name))
    return (*fixed, *names)


def _listings(text: str, out: Path | None) -> Iterator[Listing]:
    path = Path(text)
    if text.startswith("@"):
        yield _from_list(Path(text[1:]))
    elif dataset := catalogue.named(text):
        yield _from_dataset(*dataset)
    elif path.is_dir():
        yield _from_folder(path, out)
    elif path.is_file():
        yield _from_list(path) if _is_list(path) else _recording(path)
    elif found := sorted(glob.glob(text, recursive=True)):  # noqa: PTH207  (Path.glob takes no absolute pattern)
        for match in map(Path, found):
            yield _from_folder(match, out) if match.is_dir() else _recording(match)
    else:
        known = f"; data sets are {', '.join(catalogue.DATASETS)}, tonic:NAME" if ":" in text else ""
        raise RecordingNotFound(path, f"no file, folder or pattern of that name{known}")


def _from_dataset(dataset: Dataset, scheme: str, root: Path) -> Listing:
    found = catalogue.listing(dataset, root, scheme)
    if found.missing:
        found.notes.append(
            f"{root} lacks {len(found.missing)} of the files of {dataset.title}, {found.missing[0]} the first: "
            f"neuroact datasets verify {dataset.name}:{root} lists them"
        )
    return found


def _from_folder(path: Path, out: Path | None) -> Listing:
    if not nmnist.recognises(path):
        return folder_listing(path, out=out)
    listing = nmnist.listing(path)
    listing.notes.append(f"{path} is laid out as N-MNIST: read as nmnist:{path}, sensor 34x34, labels 0 to 9")
    return listing


def _recording(path: Path) -> Listing:
    return Listing([Source(path, path.stat().st_size)], path.parent)


def _from_list(path: Path) -> Listing:
    """Paths, one a line, relative to the list's folder; empty lines and `#` comments are skipped."""
    if not path.is_file():
        raise RecordingNotFound(path, "no such list of recordings")
    paths = [path.parent / line for line in _lines(path)]
    sources = [Source(entry, entry.stat().st_size if entry.is_file() else 0) for entry in paths]
    roots = [_absolute(entry.parent) for entry in paths]
    return Listing(sources, Path(os.path.commonpath(roots)) if roots else path.parent)


def _is_list(path: Path) -> bool:
    """Whether a text file begins with the path of an existing file, as no text recording does."""
    if path.suffix.lower() != ".txt":
        return False
    with path.open("rb") as file:
        head = file.read(1 << 12)
    first = next(_paths(head.decode("utf-8", "replace")), None)
    return first is not None and (path.parent / first).is_file()


def _lines(path: Path) -> list[str]:
    try:
        return list(_paths(path.read_text("utf-8")))
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path}: not a list of paths: byte {error.start} is not UTF-8") from error


def _paths(text: str) -> Iterator[str]:
    lines = (line.strip() for line in text.splitlines())
    return (line for line in lines if line and not line.startswith("#"))


def _absolute(path: Path) -> str:
    """Without `..`, but with symbolic links as they are: the files that they lead to may have other names."""
    return os.path.abspath(path)  # noqa: PTH100
