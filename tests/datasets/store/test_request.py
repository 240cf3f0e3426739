"""Requests say the same however they were written, and refuse what contradicts itself."""

import pytest

from neuroact.datasets.store.request import KINDS, ConvertRequest, Settings
from neuroact.encoders.configs import VoxelConfig

SAME: list[tuple[Settings, Settings]] = [
    ({}, {"to": "events", "compression": "zstd", "window": None}),
    ({"to": "voxel"}, {"to": VoxelConfig(bins=5), "compression": "blosc2"}),
    ({"window": 100}, {"window": 100, "stride": 100}),
]
WRONG: list[tuple[Settings, str]] = [
    ({"window": 100, "windows": 3}, "either window or windows"),
    ({"stride": 100}, "a stride needs a window"),
    ({"window": 0}, "greater than or equal to 1"),
    ({"windows": 0}, "greater than 0"),
    ({"to": "vowel"}, "no kind of sample 'vowel'; there are events, voxel"),
    ({"compression": "lzma"}, "'zstd', 'blosc2', 'gzip' or 'none'"),  # type: ignore[typeddict-item]
    ({"size": (0, 5)}, "greater than 0"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_the_same_request_written_in_two_ways(one: Settings, other: Settings) -> None:
    assert ConvertRequest.of(one) == ConvertRequest.of(other)


@pytest.mark.parametrize(("settings", "message"), WRONG)
def test_contradictions_are_refused(settings: Settings, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ConvertRequest.of(settings)


@pytest.mark.parametrize("kind", KINDS)
def test_a_request_survives_json(kind: str) -> None:
    request = ConvertRequest.of({"to": kind, "window": 5, "sensor_size": (3, 4), "time_origin": "zero"})
    assert ConvertRequest.model_validate_json(request.model_dump_json()) == request
