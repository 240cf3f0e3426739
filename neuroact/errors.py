"""Every error that neuroact raises for bad input.

    NeuroactError
    ├── RecordingError                  something is wrong with one recording
    │   ├── RecordingNotFound           (also a FileNotFoundError)
    │   ├── UnknownFormat               no format recognises the content
    │   ├── CorruptRecording            damage at a byte offset
    │   ├── TruncatedRecording          the file ends too early; what precedes the cut is kept
    │   └── LimitExceeded               a declared size beyond `neuroact.recordings.Limits`
    ├── EncodingError                   events that an encoder cannot represent
    │   └── NoPolarity                  a colour or generic stream where ON and OFF are needed
    ├── StoreError                      a converted store that cannot be opened, continued or written
    ├── DatasetError                    a data set that is not laid out as it should be
    │   └── SplitLeak                   its splits share subjects, recordings or moments
    ├── TrainingError                   a run that cannot be begun, continued or read
    │   ├── CorruptCheckpoint           a checkpoint that is not as it was written
    │   └── Diverged                    a loss that is no number any more
    ├── ExportError                     a network that a chip cannot hold, or a file of one that is not sound
    │   └── UnsupportedLayer            layers that have no form on the chip, each with its reason
    ├── LavaError                       Lava's simulator failed, or took too long
    │   └── LavaMissing                 there is no Python 3.10 that it could run on
    ├── UnavailableBackend              a kernel's backend was asked for that cannot run here (also a RuntimeError)
    └── MissingExtra                    an optional package that is not installed (also an ImportError)

Misuse of a function (a negative number of bins, say) stays the built-in `ValueError` or `TypeError`.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple


class NeuroactError(Exception):
    """The root: `except NeuroactError` catches everything that bad input can cause."""


class RecordingError(NeuroactError):
    """A recording that cannot be read as asked. `path` names it, `offset` is a byte in it where one is known."""

    def __init__(self, path: Path, problem: str, *, offset: int | None = None) -> None:
        self.path = path
        self.problem = problem
        self.offset = offset
        where = f"{path}" if offset is None else f"{path}, byte {offset}"
        super().__init__(f"{where}: {problem}")

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.args, self.__dict__)


class RecordingNotFound(RecordingError, FileNotFoundError):
    """No file stands at the path, or it cannot be opened for reading."""


class UnknownFormat(RecordingError):
    """The content matches no known format; name it with `format=` if it has no signature of its own."""


class CorruptRecording(RecordingError):
    """Bytes that no camera writes, at `offset`."""


class TruncatedRecording(RecordingError):
    """The file ends inside a record at `offset`; `events_recovered` events precede the cut."""

    def __init__(self, path: Path, problem: str, *, offset: int, events_recovered: int) -> None:
        self.events_recovered = events_recovered
        super().__init__(path, f"{problem}; the {events_recovered} events before it are intact", offset=offset)


class LimitExceeded(RecordingError):
    """The file declares a size beyond a limit, as damaged and hostile files do.

    If the file is trusted, read it with larger `limits` (`--raise-limits` on the command line).
    """


class EncodingError(NeuroactError):
    """Events that an encoder cannot represent."""


class NoPolarity(EncodingError):
    """Colour and generic streams carry no polarity, so there is no ON and OFF to encode."""


class StoreError(NeuroactError):
    """A converted store that cannot be opened, continued or written."""


class DatasetError(NeuroactError):
    """A data set that is not laid out as it should be."""


class SplitLeak(DatasetError):
    """Splits that share what makes a result on one of them say less than it seems to."""


class TrainingError(NeuroactError):
    """A run that cannot be begun, continued or read."""


class CorruptCheckpoint(TrainingError):
    """A checkpoint that is not as it was written: a file is missing, cut or changed."""


class Diverged(TrainingError):
    """A loss that is no number any more; no later step can bring it back."""


class ExportError(NeuroactError):
    """A network that a chip cannot hold, one line for each layer that is why, or a file of one that is not sound."""


class Refusal(NamedTuple):
    """A layer that cannot be placed."""

    name: str
    """Where it is in the model, as in a state dict; in a file, its number."""
    kind: str
    """Its class, or its type in a file."""
    reason: str
    rewrite: str = ""
    """What to have in its place, if there is something."""

    def __str__(self) -> str:
        return f"{self.name} ({self.kind}): {self.reason}" + (f"; instead: {self.rewrite}" if self.rewrite else "")


class UnsupportedLayer(ExportError):
    """Layers that have no form on the chip: `layers`, and a line for each."""

    def __init__(self, layers: Sequence[tuple[str, str, str, str]]) -> None:
        self.layers = tuple(Refusal(*layer) for layer in layers)
        super().__init__("\n".join(map(str, self.layers)))

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.args, self.__dict__)


class LavaError(NeuroactError):
    """Lava's simulator failed or took too long; the message ends with what it printed."""


class LavaMissing(LavaError):
    """There is no Python 3.10 that Lava could run on; the message says how to get one."""


class UnavailableBackend(NeuroactError, RuntimeError):
    """A kernel's backend was asked for that cannot run on this machine or tensor; the message says why."""


class MissingExtra(NeuroactError, ImportError):
    """An optional package is needed and not installed; the message is the line that installs it."""

    def __init__(self, package: str, extra: str) -> None:
        self.package = package
        self.extra = extra
        super().__init__(f"{package} is not installed; run: pip install 'neuroact[{extra}]'")

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.args, self.__dict__)


def _rebuild(cls: type[NeuroactError], args: tuple[object, ...], state: dict[str, object]) -> NeuroactError:
    """Unpickles an error whose constructor takes other arguments than its message, so that workers can raise it."""
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(state)
    return error
