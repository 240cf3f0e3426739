"""DVS128 Gesture: a recording of many gestures, each of them a sample of its own."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from neuroact import Events, open_recording
from neuroact.datasets import convert, estimate, open_store
from neuroact.datasets.catalogue import DATASETS
from neuroact.datasets.conversion.encoding import encode_recording
from neuroact.datasets.conversion.planning import GROUP_BYTES, plan
from neuroact.datasets.published.dvs128_gesture import CLASSES, listing
from neuroact.datasets.source import Source
from neuroact.datasets.sources import collect
from neuroact.datasets.store.description import SourceSet
from neuroact.datasets.store.request import KINDS, ConvertRequest, Settings
from neuroact.encoders.filter_configs import parse_filter
from neuroact.errors import DatasetError, RecordingNotFound
from tests.conftest import random_events
from tests.datasets.builders import contents, converted
from tests.recordings import build_aedat as aedat

START = (1 << 31) - 20_000
"""µs. So the times of most events have a packet that says that the clock overflowed."""
GESTURES = (1, 2, 3, 4, 5, 6, 7, 8, 8, 9, 10, 11)
WIDTH, GAP = 4_000, 1_000
Row = tuple[int, int, int]
ROWS: list[Row] = [
    (gesture, begin := START + 500 + index * (WIDTH + GAP), begin + WIDTH) for index, gesture in enumerate(GESTURES)
]
RECORDINGS = ["user01_fluorescent", "user01_fluorescent_led", "user22_led", "user24_led", "user29_natural"]


def write_gestures(root: Path, names: Sequence[str] = RECORDINGS, table: Sequence[Row] = ROWS) -> dict[str, Events]:
    """Recordings of some 65 ms with a label file each, and both lists: what is in them, by name of the file."""
    root.mkdir(exist_ok=True)
    written = {}
    for seed, name in enumerate(names):
        events = random_events(3_300, (128, 128), seed=seed, start=START)
        written[f"{name}.aedat"] = events
        (root / f"{name}.aedat").write_bytes(aedat.aedat3(events))
        lines = ["class,startTime_usec,endTime_usec", *(",".join(map(str, row)) for row in table)]
        (root / f"{name}_labels.csv").write_text("\n".join(lines) + "\n")
    tests = [name for name in names if int(name[4:6]) >= 24]
    (root / "trials_to_train.txt").write_text("".join(f"{name}.aedat\n" for name in names if name not in tests))
    (root / "trials_to_test.txt").write_text("\n".join(f"{name}.aedat" for name in tests))
    (root / "gesture_mapping.csv").write_text("action,label\n")
    return written


def test_the_file_holds_what_the_tests_take_it_for(tmp_path: Path) -> None:
    events = write_gestures(tmp_path, ["user01_led"])["user01_led.aedat"]
    assert open_recording(tmp_path / "user01_led.aedat").read() == events
    assert events.t[0] < 1 << 31 < ROWS[-1][1] < ROWS[-1][2] < events.t[-1]


def test_every_row_is_a_part_of_its_recording(tmp_path: Path) -> None:
    write_gestures(tmp_path)
    collection = collect([f"dvs128_gesture:{tmp_path}"])
    names = [source.name for source in collection.sources]
    assert names == [f"{name}.aedat#{part}" for name in RECORDINGS for part in range(1, 13)]
    assert collection.classes == CLASSES
    first = collection.sources[:12]
    assert [source.label for source in first] == [gesture - 1 for gesture in GESTURES]
    assert [source.span for source in first] == [row[1:] for row in ROWS]
    assert {(source.subject, source.sensor_size, source.format) for source in first} == {
        ("user01", (128, 128), "aedat3")
    }
    assert [source.attributes["light"] for source in collection.sources[::12]] == [
        "fluorescent", "fluorescent_led", "led", "led", "natural",
    ]  # fmt: skip
    assert [source.split for source in collection.sources[::12]] == ["train"] * 3 + ["test"] * 2
    assert collection.notes == ()
    assert collection.ignored == ()


def test_ten_classes_are_those_without_other_gestures(tmp_path: Path) -> None:
    write_gestures(tmp_path, ["user01_led"])
    collection = collect([f"dvs128_gesture@10-classes:{tmp_path}"])
    assert collection.classes == CLASSES[:10]
    assert [source.name for source in collection.sources] == [f"user01_led.aedat#{part}" for part in range(1, 12)]
    assert max(source.label for source in collection.sources if source.label is not None) == 9


TARGETS: list[Settings] = [
    *({"to": kind} for kind in KINDS),
    {"to": "frames", "time_origin": "zero"},
    {"to": "voxel", "window": 1_500},
    {"to": "events", "window": 1_500, "stride": 700},
    {"to": "spikes", "windows": 3},
    {"to": "frames", "filters": [parse_filter("refractory:50")], "size": (64, 64)},
]


@pytest.mark.parametrize("settings", TARGETS, ids=str)
def test_a_part_is_converted_as_a_recording_that_holds_nothing_else(tmp_path: Path, settings: Settings) -> None:
    events = write_gestures(tmp_path / "in", ["user01_led"])["user01_led.aedat"]
    store = converted(Path(f"dvs128_gesture:{tmp_path / 'in'}"), tmp_path / "parts", **settings)
    (tmp_path / "alone").mkdir()
    for number in (1, 8, 9, 12):
        gesture, start, stop = ROWS[number - 1]
        part = events.between(start, stop)
        assert 100 < len(part) < 400
        (tmp_path / "alone" / f"{number}.aedat").write_bytes(aedat.aedat3(part))
        convert(tmp_path / "alone" / f"{number}.aedat", tmp_path / f"{number}.h5", **settings)
        expected = list(open_store(tmp_path / f"{number}.h5"))
        found = [sample for sample in store if sample.source == f"user01_led.aedat#{number}"]
        assert len(found) == len(expected) > 0
        for one, other in zip(found, expected, strict=True):
            assert (one.start, one.stop, one.label) == (other.start, other.stop, gesture - 1)
            assert one.data == other.data if isinstance(one.data, Events) else np.array_equal(one.data, other.data)
    assert [record.events_read for record in store.records] == [len(events.between(*row[1:])) for row in ROWS]


def test_an_end_belongs_to_what_comes_next(tmp_path: Path) -> None:
    (tmp_path / "user01_led.aedat").write_bytes(
        aedat.header3()
        + aedat.packet3(aedat.SPECIAL, [bytes(8)])
        + aedat.packet3(aedat.POLARITY, [aedat.event3((t, 1, 2, 1)) for t in (99, 100, 150, 199, 200, 201)])
    )
    (tmp_path / "user01_led_labels.csv").write_text("1,100,200\r\n2,200,201\r\n")
    convert(f"dvs128_gesture:{tmp_path}", tmp_path / "store", jobs=1)
    assert [list(sample.data.t) for sample in open_store(tmp_path / "store")] == [[100, 150, 199], [200]]  # type: ignore[union-attr]


def test_time_may_run_backwards_between_parts(tmp_path: Path) -> None:
    (tmp_path / "user01_led.aedat").write_bytes(
        aedat.header3()
        + aedat.packet3(aedat.POLARITY, [aedat.event3((t, 1, 2, 1)) for t in (50_000, 150, 60_000, 180, 70_000)])
    )
    (tmp_path / "user01_led_labels.csv").write_text("1,100,200\n")
    [sample] = converted(Path(f"dvs128_gesture:{tmp_path}"), tmp_path / "store", window=1_000)
    assert list(sample.data.t) == [150, 180]  # type: ignore[union-attr]


def test_a_part_without_events_is_no_sample(tmp_path: Path) -> None:
    write_gestures(tmp_path / "in", ["user01_led"], [ROWS[0], (2, START + 10_000_000, START + 10_000_100)])
    store = converted(Path(f"dvs128_gesture:{tmp_path / 'in'}"), tmp_path / "store")
    assert [(record.samples, record.reason) for record in store.records] == [(1, None), (0, "no events")]


def test_an_interrupted_conversion_goes_on_as_if_it_had_not_been(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_gestures(tmp_path / "in", RECORDINGS[1:3])
    argument = f"dvs128_gesture:{tmp_path / 'in'}"
    monkeypatch.setattr("neuroact.datasets.conversion.planning.GROUP_BYTES", 1)
    converted(Path(argument), tmp_path / "whole", to="frames")
    calls: list[str] = []

    def dies(source: Source, *rest: object) -> object:
        calls.append(source.name)
        if source.name == "user22_led.aedat#5":
            raise KeyboardInterrupt
        return encode_recording(source, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr("neuroact.datasets.conversion.encoding.encode_recording", dies)
    with pytest.raises(KeyboardInterrupt):
        converted(Path(argument), tmp_path / "torn", to="frames")
    assert len(calls) == 17
    monkeypatch.setattr("neuroact.datasets.conversion.encoding.encode_recording", encode_recording)
    converted(Path(argument), tmp_path / "torn", to="frames")
    assert contents(tmp_path / "torn") == contents(tmp_path / "whole")


def test_another_label_file_is_another_request(tmp_path: Path) -> None:
    write_gestures(tmp_path, ["user01_led"])
    sources = collect([f"dvs128_gesture:{tmp_path}"]).sources
    moved = (replace(sources[0], span=(START, START + 1)), *sources[1:])
    assert SourceSet.of(sources) == SourceSet.of(sources)
    assert SourceSet.of(sources) != SourceSet.of(moved)


def test_a_file_counts_once_however_many_parts_it_has(tmp_path: Path) -> None:
    write_gestures(tmp_path, ["user01_led", "user02_led"])
    size = sum(path.stat().st_size for path in tmp_path.glob("*.aedat"))
    collection = collect([f"dvs128_gesture:{tmp_path}"])
    assert SourceSet.of(collection.sources).bytes == size
    assert estimate(f"dvs128_gesture:{tmp_path}").to_json()["source_bytes"] == size


def test_parts_of_a_large_recording_stay_in_one_group() -> None:
    sources = [Source(Path(name), GROUP_BYTES // 3, span=(0, 1), part=part) for name in "abcd" for part in range(12)]
    groups = plan(sources, ConvertRequest(), Path())  # type: ignore[call-arg]
    assert [len(group.sources) for group in groups] == [36, 12]


def test_an_estimate_looks_at_the_parts_themselves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_gestures(tmp_path, ["user01_led"])
    monkeypatch.setattr("neuroact.datasets.conversion.estimating.TRIED_BYTES", 200)  # before the first gesture
    assert estimate(f"dvs128_gesture:{tmp_path}", to="frames").samples == 12


def test_rows_that_overlap_are_told_of(tmp_path: Path) -> None:
    table = [(9, START + 500, START + 9_000), (10, START + 8_000, START + 12_000), (8, START + 8_500, START + 8_600)]
    write_gestures(tmp_path, ["user22_led"], table)
    assert listing(tmp_path).notes == [
        "user22_led.aedat: rows 1 and 2 share 1000 µs, which both samples hold",
        "user22_led.aedat: rows 2 and 3 share 100 µs, which both samples hold",
    ]


def test_without_lists_users_from_24_on_are_the_test(tmp_path: Path) -> None:
    write_gestures(tmp_path, ["user23_led", "user24_led"])
    (tmp_path / "trials_to_test.txt").unlink()
    found = listing(tmp_path)
    assert [source.split for source in found.sources] == ["train"] * 12 + ["test"] * 12
    assert found.missing == [tmp_path / "trials_to_test.txt"]
    assert "users 1 to 23 are train" in found.notes[0]


def test_the_lists_decide_and_name_what_is_missing(tmp_path: Path) -> None:
    write_gestures(tmp_path, ["user01_led", "user02_led", "user03_led"])
    (tmp_path / "trials_to_train.txt").write_text("user03_led.aedat\nuser05_lab.aedat\n")
    (tmp_path / "trials_to_test.txt").write_text("user01_led.aedat\n")
    (tmp_path / "user04_natural_labels.csv").write_text("1,2,3\n")
    (tmp_path / "user03_led_labels.csv").unlink()
    (tmp_path / "holiday.jpg").write_bytes(b"")
    found = listing(tmp_path)
    assert {source.path.name: source.split for source in found.sources} == {
        "user01_led.aedat": "test",
        "user02_led.aedat": None,
    }
    assert [path.name for path in found.missing] == [
        "user03_led_labels.csv", "user04_natural.aedat", "user05_lab.aedat",
    ]  # fmt: skip
    assert [path.name for path, _ in found.ignored] == ["holiday.jpg"]
    assert "user02_led.aedat is in neither" in found.notes[0]


BROKEN = [
    ("user01_led_labels.csv", "class,startTime_usec,endTime_usec\n1,5,x\n", "user01_led_labels.csv: row 1 is '1,5,x'"),
    ("user01_led_labels.csv", "1,5,6\n2,9\n", "row 2 is '2,9'"),
    ("user01_led_labels.csv", "12,5,6\n", "classes are 1 to 11"),
    ("user01_led_labels.csv", "0,5,6\n", "classes are 1 to 11"),
    ("user01_led_labels.csv", "1,6,6\n", "the end is after the start"),
    ("user01_led_labels.csv", b"\xff\n", "byte 0 is not UTF-8"),
    ("trials_to_test.txt", "user01_led.aedat\n", "is in the list of train, too"),
    ("trials_to_test.txt", "user01.aedat\n", "'user01.aedat' is not the name of a recording"),
]


@pytest.mark.parametrize(("name", "text", "message"), BROKEN, ids=lambda value: str(value)[:40])
def test_labels_and_lists_that_make_no_sense_are_errors(
    tmp_path: Path, name: str, text: str | bytes, message: str
) -> None:
    write_gestures(tmp_path, ["user01_led"])
    (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(DatasetError, match=message):
        listing(tmp_path)


def test_a_folder_without_recordings_or_labels_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"no userNN_LIGHT\.aedat in it"):
        listing(tmp_path)
    write_gestures(tmp_path, ["user01_led"])
    (tmp_path / "user01_led_labels.csv").unlink()
    with pytest.raises(DatasetError, match="nothing says what they show"):
        listing(tmp_path)
    with pytest.raises(RecordingNotFound, match="no such folder"):
        collect([f"dvs128_gesture:{tmp_path / 'nowhere'}"])
    with pytest.raises(DatasetError, match="no split '12-classes'; it has 11-classes, 10-classes"):
        collect([f"dvs128_gesture@12-classes:{tmp_path}"])


def test_the_catalogue_tells_of_it() -> None:
    dataset = DATASETS["dvs128_gesture"]
    assert (dataset.classes, dataset.schemes[0], dataset.sensor_size) == (11, "11-classes", (128, 128))
    assert len(set(CLASSES)) == 11
