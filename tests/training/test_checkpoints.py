"""Checkpoints: what is written is read to the bit, damage is seen, and few are kept."""

import hashlib
import shutil
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.optim import SGD, Adam, AdamW, Optimizer

from neuroact.errors import CorruptCheckpoint, TrainingError
from neuroact.training.checkpoints import (
    SUMS,
    Checkpoint,
    CheckpointWarning,
    best,
    checkpoints,
    newest,
    optimiser_tensors,
    path_of,
    read,
    restore_optimiser,
    step_of,
    write,
)
from tests.training.tiny import same_bits

FILES = ["model.safetensors", "optimiser.safetensors", "progress.json", "SHA256SUMS"]
TENSORS: dict[str, dict[str, Tensor]] = {
    "model": {
        "weight": torch.arange(6.0).view(2, 3).T,
        "half": torch.tensor([1e-7, 2.0], dtype=torch.bfloat16),
        "count": torch.tensor(3),
        "not a number": torch.tensor(float("-inf")),
    },
    "optimiser": {},
}
KEEPING = {
    "the last two": ([1, 2, 3, 4], {}, [4, 3]),
    "and the best": ([1, 2, 3, 4], {3: {1}, 4: {1}}, [4, 3, 1]),
    "a best that is among them": ([1, 2, 3], {3: {2}}, [3, 2]),
    "nothing from a later step": ([1, 5, 2], {}, [2, 1]),
    "the same step twice": ([1, 2, 2], {}, [2, 1]),
}
OPTIMISERS = {
    "adamw": lambda parameters: AdamW(parameters, lr=0.1),
    "adam": lambda parameters: Adam(parameters, lr=0.1),
    "momentum": lambda parameters: SGD(parameters, lr=0.1, momentum=0.9),
    "sgd": lambda parameters: SGD(parameters, lr=0.1),
}


def checkpoint(step: int) -> Checkpoint:
    return Checkpoint(step, TENSORS, {"best": None, "note": "é"})


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run with checkpoints after steps 1 and 2."""
    write(tmp_path, checkpoint(1))
    write(tmp_path, checkpoint(2))
    return tmp_path


def test_what_is_written_is_read_to_the_bit(run: Path) -> None:
    found = newest(run)
    assert found is not None
    assert (found.step, found.progress["note"]) == (2, "é")
    for name, tensors in TENSORS.items():
        assert same_bits(found.tensors[name], tensors)
        assert {key: value.dtype for key, value in found.tensors[name].items()} == {
            key: value.dtype for key, value in tensors.items()
        }


def test_tied_weights_are_stored_under_both_names(tmp_path: Path) -> None:
    weight = torch.arange(4.0)
    path = write(tmp_path, Checkpoint(1, {"model": {"one": weight, "other": weight}}, {}))
    assert same_bits(read(path).tensors["model"], {"one": weight, "other": weight})


def test_digests_are_those_of_sha256sum(run: Path) -> None:
    for line in (path_of(run, 2) / SUMS).read_text().splitlines():
        digest, name = line.split("  ")
        assert hashlib.sha256((path_of(run, 2) / name).read_bytes()).hexdigest() == digest


@pytest.mark.parametrize("name", FILES)
def test_every_flipped_bit_is_seen(run: Path, name: str) -> None:
    path = path_of(run, 2) / name
    sound = path.read_bytes()
    for place in range(0, len(sound), max(1, len(sound) // 40)):
        damaged = bytearray(sound)
        damaged[place] ^= 1 << place % 8
        path.write_bytes(damaged)
        with pytest.raises(CorruptCheckpoint, match="step-00000002"):
            read(path.parent)
    path.write_bytes(sound)
    assert read(path.parent).step == 2


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("left", [None, 0, 9])
def test_missing_and_cut_files_are_seen(run: Path, name: str, left: int | None) -> None:
    path = path_of(run, 2) / name
    if left is None:
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:left])
    with pytest.warns(CheckpointWarning, match="the one before it is used"):
        found = newest(run)
    assert found is not None
    assert found.step == 1


def test_a_list_of_digests_leads_nowhere_else(run: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(b"x")
    sums = path_of(run, 2) / SUMS
    sums.write_text(sums.read_text() + f"{hashlib.sha256(b'x').hexdigest()}  ../../elsewhere\n")
    with pytest.raises(CorruptCheckpoint):
        read(path_of(run, 2))


def test_what_a_killed_process_left_is_no_checkpoint(run: Path) -> None:
    shutil.copytree(path_of(run, 2), run / "checkpoints" / ".step-00000003.part")
    assert [step_of(path) for path in checkpoints(run)] == [2, 1]
    write(run, checkpoint(3))
    assert sorted(path.name for path in (run / "checkpoints").iterdir()) == ["step-00000002", "step-00000003"]


def test_a_write_that_fails_leaves_what_was_there(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, data: bytes) -> int:
        raise OSError("no space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_bytes", full)
        with pytest.raises(OSError, match="no space"):
            write(run, checkpoint(2))
    found = newest(run)
    assert found is not None
    assert found.step == 2


@pytest.mark.parametrize(("steps", "keep", "left"), KEEPING.values(), ids=KEEPING)
def test_few_are_kept(tmp_path: Path, steps: list[int], keep: dict[int, set[int]], left: list[int]) -> None:
    for step in steps:
        write(tmp_path, checkpoint(step), keep=keep.get(step, ()))
    assert [step_of(path) for path in checkpoints(tmp_path)] == left


def test_the_best_is_the_one_that_the_newest_names(tmp_path: Path) -> None:
    write(tmp_path, Checkpoint(1, TENSORS, {"best": {"step": 1}}), keep={1})
    for step in (2, 3, 4):
        write(tmp_path, Checkpoint(step, TENSORS, {"best": {"step": 1}}), keep={1})
    assert best(tmp_path).step == 1
    (path_of(tmp_path, 1) / "model.safetensors").write_bytes(b"")
    with pytest.raises(CorruptCheckpoint):
        best(tmp_path)


def test_without_a_finished_epoch_there_is_no_best(run: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="no epoch is finished"):
        best(run)
    with pytest.raises(TrainingError, match="no epoch is finished"):
        best(tmp_path / "nothing")


@pytest.mark.parametrize("make", OPTIMISERS.values(), ids=OPTIMISERS)
def test_an_optimiser_goes_on_to_the_same_bits(make: type[Optimizer]) -> None:
    torch.manual_seed(0)
    gradients = torch.randn(6, 3, 4)
    models = [nn.Linear(4, 3, bias=False) for _ in range(2)]
    models[1].load_state_dict(models[0].state_dict())

    def step(model: nn.Module, optimiser: Optimizer, number: int) -> None:
        model.weight.grad = gradients[number].clone()  # type: ignore[union-attr,assignment]
        optimiser.step()

    whole, first = make(models[0].parameters()), make(models[1].parameters())
    for number in range(6):
        step(models[0], whole, number)
    for number in range(3):
        step(models[1], first, number)
    second = make(models[1].parameters())
    restore_optimiser(second, {name: value.clone() for name, value in optimiser_tensors(first).items()})
    for number in range(3, 6):
        step(models[1], second, number)
    assert same_bits(models[0].state_dict(), models[1].state_dict())
