"""Which recordings share shards."""

from pathlib import Path

import pytest

from neuroact.datasets.conversion.planning import GROUP_BYTES, plan
from neuroact.datasets.source import Source
from neuroact.datasets.store.request import ConvertRequest, Settings

MIB = 1 << 20

GROUPS: list[tuple[list[int], Settings, list[int]]] = [
    ([1000] * 1100, {}, [512, 512, 76]),
    ([1000] * 100, {"windows": 10}, [51, 49]),
    ([1000] * 3, {"windows": 2000}, [1, 1, 1]),
    ([1000] * 3000, {"window": 1000}, [512, 512, 512, 512, 512, 440]),
    ([20 * MIB] * 7, {"window": 1000}, [3, 3, 1]),
    ([GROUP_BYTES + 1, 5, 5, GROUP_BYTES], {}, [1, 2, 1]),
    ([0], {}, [1]),
]


@pytest.mark.parametrize(("sizes", "settings", "expected"), GROUPS, ids=str)
def test_groups_are_consecutive_and_close_by_samples_or_bytes(
    sizes: list[int], settings: Settings, expected: list[int]
) -> None:
    sources = [Source(Path(str(index)), size) for index, size in enumerate(sizes)]
    groups = plan(sources, ConvertRequest.of(settings), Path("store"))
    assert [len(group.sources) for group in groups] == expected
    assert [source for group in groups for source in group.sources] == sources
    assert [index for group in groups for index in group.indices] == list(range(len(sources)))
    assert [group.number for group in groups] == list(range(len(groups)))


def test_shards_of_a_group_are_named_in_order() -> None:
    [group] = plan([Source(Path("a"), 1)], ConvertRequest(), Path("store"))
    assert [group.shard(count).name for count in (0, 1)] == ["shard-00000-000.h5", "shard-00000-001.h5"]
