"""The tree of errors: drawn as it is, and every error survives the way back from a worker process."""

import pickle
from pathlib import Path

import pytest

from neuroact import errors

EXAMPLES = [
    errors.RecordingNotFound(Path("a.raw"), "no such file"),
    errors.CorruptRecording(Path("a.raw"), "a bad word", offset=12),
    errors.TruncatedRecording(Path("a.raw"), "cut", offset=12, events_recovered=3),
    errors.LimitExceeded(Path("a.raw"), "a header of 9 GB"),
    errors.NoPolarity("a colour stream"),
    errors.MissingExtra("tonic", "tonic"),
    errors.UnsupportedLayer([("2", "LayerNorm", "no form", "BatchNorm"), ("3", "GELU", "no spikes", "")]),
]


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_survives_pickling(error: errors.NeuroactError) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert str(copy) == str(error)
    assert vars(copy) == vars(error)


def test_the_docstring_draws_every_error() -> None:
    classes = {name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, Exception)}
    assert errors.__doc__ is not None
    drawn = {word for word in errors.__doc__.replace("├──", "").replace("└──", "").split() if word in classes}
    assert drawn == classes


def test_messages_say_where() -> None:
    assert str(EXAMPLES[1]) == "a.raw, byte 12: a bad word"
    assert str(EXAMPLES[2]) == "a.raw, byte 12: cut; the 3 events before it are intact"
    assert str(EXAMPLES[5]) == "tonic is not installed; run: pip install 'neuroact[tonic]'"
    assert str(EXAMPLES[6]) == "2 (LayerNorm): no form; instead: BatchNorm\n3 (GELU): no spikes"


def test_a_missing_recording_is_a_missing_file() -> None:
    assert issubclass(errors.RecordingNotFound, FileNotFoundError)
    assert issubclass(errors.MissingExtra, ImportError)
