"""PAF: folders with hyphens or spaces, a misspelt name, lists made on another system."""

from pathlib import Path

import pytest

from neuroact.datasets.published.paf import CLASSES, listing
from neuroact.datasets.sources import collect
from neuroact.errors import DatasetError
from tests.conftest import random_events
from tests.datasets.builders import converted
from tests.recordings import build_aedat as aedat
from tests.recordings.build_words import rows

SUBJECTS = ["chenjieneng", "houjing", "ziyang"]


def davis346(seed: int) -> tuple[bytes, int]:
    """An AEDAT 2 of a DAVIS346 whose header does not name it, and how many events it has."""
    events = random_events(50, (346, 260), seed=seed)
    addresses = [(aedat.davis_address(x, y, p, 260), t) for t, x, y, p in rows(events)]
    addresses[10:10] = [(aedat.APS_WORD, 1_100), (aedat.SPECIAL_WORD, 1_100)]
    return aedat.aedat2(addresses), len(events)


def write_paf(root: Path, *, arms: str = "arm-crossing") -> list[Path]:
    """Three subjects who cross their arms and wave, three times each."""
    paths = []
    for code, folder in ((1, arms), (10, "waving")):
        (root / folder).mkdir(parents=True)
        for subject in SUBJECTS:
            for repetition in (1, 2, 3):
                path = root / folder / f"{subject}_{code}.{repetition}.aedat"
                path.write_bytes(davis346(len(paths))[0])
                paths.append(path)
    return paths


@pytest.mark.parametrize("arms", ["arm-crossing", "arm crossing", "arm_crossing", "Arm Crossing"])
def test_a_folder_is_a_class_however_its_words_are_joined(tmp_path: Path, arms: str) -> None:
    write_paf(tmp_path, arms=arms)
    collection = collect([f"paf:{tmp_path}"])
    assert collection.classes == CLASSES
    labels = {source.path.parent.name: source.label for source in collection.sources}
    assert labels == {arms: 0, "waving": 9}
    assert len(collection.sources) == 18
    assert {source.subject for source in collection.sources} == set(SUBJECTS)
    assert {source.split for source in collection.sources} == {None}
    assert [source.attributes["repetition"] for source in collection.sources[:3]] == ["1", "2", "3"]
    assert any("no official split" in note for note in collection.notes)


def test_its_recordings_are_converted(tmp_path: Path) -> None:
    write_paf(tmp_path / "in")
    store = converted(Path(f"paf:{tmp_path / 'in'}"), tmp_path / "store", to="frames")
    assert [(record.sensor_size, record.events_read) for record in store.records] == [((346, 260), 50)] * 18


def test_one_person_stays_one_however_the_name_is_spelt(tmp_path: Path) -> None:
    write_paf(tmp_path)
    (tmp_path / "sit down").mkdir()
    (tmp_path / "sit down" / "chnejieneng_6.1.aedat").write_bytes(b"")
    (tmp_path / "sit down" / "nobody_6.1.aedat").write_bytes(b"")
    found = listing(tmp_path)
    assert {source.subject for source in found.sources} == {*SUBJECTS, "nobody"}
    assert [note for note in found.notes if "misspelt" in note] == [
        "nobody is none of the ten people of PAF: perhaps the name is misspelt"
    ]


def test_what_is_no_recording_of_its_folder_is_left_out(tmp_path: Path) -> None:
    write_paf(tmp_path)
    foreign = [
        "waving/houjing_9.1.aedat",
        "waving/houjing_11.1.aedat",
        "waving/houjing_10.4.aedat",
        "dancing/kaibo_1.1.aedat",
    ]
    (tmp_path / "dancing").mkdir()
    for name in foreign:
        (tmp_path / name).write_bytes(b"")
    found = listing(tmp_path)
    assert len(found.sources) == 18
    assert {path.relative_to(tmp_path).as_posix() for path, _ in found.ignored} == set(foreign)


def write_lists(root: Path, train: list[str], val: list[str]) -> None:
    (root / "PAF_train.txt").write_bytes("\r\n".join(train).encode() + b"\r\n")
    (root / "PAF_val.txt").write_bytes("\r\n".join(val).encode())


def test_the_lists_of_exact_split_it(tmp_path: Path) -> None:
    write_paf(tmp_path)
    train = [rf"\PAF\arm crossing\{subject}_1.{k}.aedat" for subject in SUBJECTS for k in (1, 2)]
    write_lists(tmp_path, [train[0], *train], ["\\PAF\\waving\\houjing_10.3.aedat", "/PAF/waving/kaibo_10.1.aedat"])
    found = listing(tmp_path, "exact")
    assert {source.path.name: source.split for source in found.sources} == {
        **{line.rpartition("\\")[2]: "train" for line in train},
        "houjing_10.3.aedat": "val",
    }
    assert found.missing == [tmp_path / "waving" / "kaibo_10.1.aedat"]
    assert {reason for _, reason in found.ignored} == {"in none of ExACT's lists"}
    assert any("every person in val is also in train" in note for note in found.notes)


def test_lists_that_make_no_sense_or_are_absent_are_errors(tmp_path: Path) -> None:
    write_paf(tmp_path)
    with pytest.raises(DatasetError, match=r"neither PAF_train\.txt nor PAF_val\.txt"):
        listing(tmp_path, "exact")
    line = r"\PAF\waving\houjing_10.3.aedat"
    write_lists(tmp_path, [line], [line])
    with pytest.raises(DatasetError, match=r"PAF_val\.txt, line 1: .* is in the list of train, too"):
        listing(tmp_path, "exact")
    write_lists(tmp_path, [line], ["houjing"])
    with pytest.raises(DatasetError, match="'houjing' does not end in"):
        listing(tmp_path, "exact")
    (tmp_path / "PAF_val.txt").unlink()
    assert tmp_path / "PAF_val.txt" in listing(tmp_path, "exact").missing


def test_a_folder_without_recordings_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="as PAF has"):
        listing(tmp_path)
