"""store.json: what a store was asked to hold, so that it is continued only by the same request."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

import neuroact
from neuroact.atomic import whole_file
from neuroact.datasets.source import Source, total_bytes
from neuroact.datasets.store.layout import LAYOUT, READABLE
from neuroact.datasets.store.request import ConvertRequest
from neuroact.errors import StoreError


class SourceSet(BaseModel):
    """What a store is made of: how many recordings or parts of them, their bytes, and a digest.

    The digest is over all that a store keeps of them, and how they are read.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    recordings: int
    bytes: int
    sha256: str

    @classmethod
    def of(cls, sources: Sequence[Source]) -> SourceSet:
        """The description of `sources`."""
        digest = hashlib.sha256()
        for source in sources:
            read = [source.name, source.size, source.sensor_size, source.format, source.span]
            kept = [source.label, source.split, source.subject, source.recorded and source.recorded.isoformat()]
            digest.update(json.dumps([*read, *kept, sorted(source.attributes.items())]).encode() + b"\n")
        return cls(recordings=len(sources), bytes=total_bytes(sources), sha256=digest.hexdigest())


class Description(BaseModel):
    """The content of `store.json`.

    - `layout`: version of the files' layout. `neuroact`: version of the package that encoded.
    - `classes`: names; labels are indices into them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    layout: int
    neuroact: str
    request: ConvertRequest
    classes: tuple[str, ...]
    sources: SourceSet

    @classmethod
    def of(cls, request: ConvertRequest, sources: Sequence[Source], classes: tuple[str, ...]) -> Description:
        """What this version of neuroact would write."""
        return cls(
            layout=LAYOUT,
            neuroact=neuroact.__version__,
            request=request,
            classes=classes,
            sources=SourceSet.of(sources),
        )

    @classmethod
    def parse(cls, text: str, where: Path) -> Description:
        """From the text of a `store.json`. Raises `StoreError` if it is not one, or of another layout."""
        try:
            values = json.loads(text)
            layout = values["layout"]
            if layout not in READABLE:
                known = " and ".join(map(str, READABLE))
                raise StoreError(f"{where}: a store of layout {layout}; this neuroact reads layouts {known}")
            return cls.model_validate(values)
        except (ValueError, KeyError, TypeError, ValidationError) as error:
            reason = str(error).splitlines()[0]
            raise StoreError(f"{where}: not a description of a converted store ({reason})") from error

    @property
    def text(self) -> str:
        """As it stands in the file."""
        return json.dumps(self.model_dump(mode="json"), indent=2) + "\n"

    def save(self, path: Path) -> None:
        """Writes `path`, whole or not at all."""
        with whole_file(path) as temporary:
            temporary.write_text(self.text)

    def check_same(self, asked: Description, where: Path) -> None:
        """Raises `StoreError` that names every difference between what `where` holds and what is asked now.

        A store of an older layout is not continued: what is in it lacks what would be kept of the rest.
        """
        if self.layout != asked.layout:
            raise StoreError(
                f"{where} was converted to layout {self.layout} by neuroact {self.neuroact}; this one writes layout "
                f"{asked.layout}. It can be read as it is, but neither continued nor repeated: choose another -o"
            )
        differences = list(_differences(self.model_dump(mode="json"), asked.model_dump(mode="json")))
        if differences:
            raise StoreError(
                f"{where} was converted with another request: {'; '.join(differences)}. "
                "Repeat the first request, or choose another -o"
            )


def _differences(then: dict[str, Any], now: dict[str, Any], prefix: str = "") -> list[str]:
    if "sha256" in then and then["sha256"] != now["sha256"]:
        was, is_now = (f"{side['recordings']} recordings of {side['bytes']} bytes" for side in (then, now))
        return [
            f"the sources were {was}, now {is_now}"
            + (" under other names, labels or attributes" if was == is_now else "")
        ]
    found = []
    for key in dict.fromkeys((*then, *now)):
        before, after = then.get(key), now.get(key)
        if isinstance(before, dict) and isinstance(after, dict):
            found += _differences(before, after, f"{prefix}{key}.")
        elif before != after:
            found.append(f"{prefix}{key} was {json.dumps(before)}, now {json.dumps(after)}")
    return found
