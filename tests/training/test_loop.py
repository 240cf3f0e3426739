"""Runs: what they leave, that they learn, and that one that was interrupted computes what the others do."""

import shutil
import signal
from pathlib import Path

import pytest
import torch

from neuroact.training import (
    CheckpointWarning,
    CorruptCheckpoint,
    Diverged,
    TrainingError,
    WrongSettings,
    best_model,
    read_log,
    train,
)
from neuroact.training.checkpoints import best, checkpoints, newest, path_of, read, step_of
from neuroact.training.config_files import configure, read_toml
from neuroact.training.data import load_parts
from neuroact.training.inputs import as_input
from neuroact.training.watching import Silent
from tests.datasets.builders import converted
from tests.training.tiny import StopAt, digits, same_bits, tiny_config, without_clock

EPOCH = 4
"""Steps of an epoch of `tiny_config`: 24 samples, 6 of them held out, in batches of 4, which leaves 2 out."""
STEPS = 2 * EPOCH
MISUSE = {
    "a batch that two parts cannot share": (["data.batch=5"], "cannot be shared evenly"),
    "fewer samples than a batch": (["data.batch=20"], "18 samples do not fill a batch of 20"),
    "samples of another kind": (
        ["data.encoder={kind='points'}"],
        "learns from adaptive_frames, frames, spikes, surface, voxel, not from points",
    ),
    "an argument that the model does not take": (["model.arguments={depth=3}"], "model.arguments: .*depth"),
    "a preset that there is not": (["model.preset=huge"], "tiny has no preset 'huge'"),
    "a model that there is not": (["model.name=huge"], "there is no model 'huge'"),
    "half precision without a GPU": (["run.precision=fp16"], "needs a GPU"),
}


class DieAt(Silent):
    """Raises after so many steps, as a crash would."""

    def __init__(self, step: int) -> None:
        self.at = step

    def step(self, done: int) -> None:
        if done == self.at:
            raise KeyboardInterrupt


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the uninterrupted run is, once it was needed."""
    return tmp_path_factory.mktemp("runs") / "whole"


@pytest.fixture
def whole(root: Path, run_folder: Path) -> Path:
    """A run of `tiny_config` that nothing interrupted."""
    if not run_folder.exists():
        trained = train(tiny_config(root), run_folder)
        assert (trained.outcome, trained.epochs, trained.steps) == ("finished", 2, STEPS)
    return run_folder


def assert_same(run: Path, other: Path) -> None:
    """The same bits in the newest checkpoints, and the same logs but for the clock."""
    ours, theirs = newest(run), newest(other)
    assert ours is not None
    assert theirs is not None
    assert ours.step == theirs.step
    assert ours.tensors.keys() == theirs.tensors.keys() == {"model", "average", "optimiser"}
    for name in ours.tensors:
        assert same_bits(ours.tensors[name], theirs.tensors[name]), name
    assert ours.progress == theirs.progress
    assert without_clock(read_log(run)) == without_clock(read_log(other))
    tables = [[line.split(",")[:7] for line in (p / "log.csv").read_text().splitlines()] for p in (run, other)]
    assert tables[0] == tables[1]
    assert len(tables[0]) == 1 + len(read_log(run))


def loss_of_the_best(run: Path) -> float:
    """Of the model that a run keeps, on what it held out."""
    model, config, _ = best_model(run)
    held = load_parts(config.data, config.run.seed)[1]
    batch = torch.stack([torch.from_numpy(held.examples[int(place)].data) for place in held.positions])
    with torch.no_grad():
        logits = model(as_input(batch, held.kind))
    return torch.nn.functional.cross_entropy(logits, torch.from_numpy(held.examples.labels[held.positions])).item()


def test_a_run_leaves_settings_logs_and_checkpoints(root: Path, whole: Path) -> None:
    assert {path.name for path in whole.iterdir()} == {"config.toml", "log.csv", "log.jsonl", "checkpoints"}
    assert configure([read_toml(whole / "config.toml")]) == tiny_config(root)
    rows = read_log(whole)
    assert [(row.epoch, row.step, row.split) for row in rows] == [
        (1, 2, "train"), (1, 4, "train"), (1, 4, "val"), (2, 6, "train"), (2, 8, "train"), (2, 8, "val"),
    ]  # fmt: skip
    assert [row.samples for row in rows] == [8, 8, 6, 8, 8, 6]
    assert rows[0].learning_rate == 0.01
    assert rows[-1].learning_rate == 0.0
    assert [step_of(path) for path in checkpoints(whole)] == [8, 4]


@pytest.mark.parametrize("step", [1, 3, EPOCH, EPOCH + 2, STEPS])
def test_a_run_that_sigterm_stopped_goes_on_to_the_same_bits(
    root: Path, whole: Path, tmp_path: Path, step: int
) -> None:
    """In the middle of an epoch and of a row of the log, before a validation, and before the last one."""
    config = tiny_config(root)
    stopped = train(config, tmp_path / "run", watcher=StopAt(step))
    assert (stopped.outcome, stopped.steps, stopped.epochs) == ("stopped", step, (step - 1) // EPOCH)
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    torch.rand(3)  # what the process draws in between changes nothing
    finished = train(config, tmp_path / "run", resume=True)
    assert (finished.outcome, finished.steps) == ("finished", STEPS)
    assert_same(tmp_path / "run", whole)


def test_workers_change_nothing(root: Path, whole: Path, tmp_path: Path) -> None:
    train(tiny_config(root, "data.workers=1"), tmp_path / "run", watcher=StopAt(EPOCH + 1))
    train(tiny_config(root, "data.workers=2"), tmp_path / "run", resume=True)
    assert_same(tmp_path / "run", whole)


def test_a_crash_costs_the_steps_since_the_last_checkpoint_and_no_more(root: Path, whole: Path, tmp_path: Path) -> None:
    config = tiny_config(root, "run.checkpoint_every=3")
    with pytest.raises(KeyboardInterrupt):
        train(config, tmp_path / "run", watcher=DieAt(STEPS - 1))
    assert [step_of(path) for path in checkpoints(tmp_path / "run")] == [6, 4]
    with (tmp_path / "run" / "log.jsonl").open("a") as file:
        file.write('{"epoch": 2, "st')  # what a machine that lost power may leave
    seen: list[int] = []
    watcher = Silent()
    watcher.step = seen.append  # type: ignore[method-assign]
    train(tiny_config(root, "run.checkpoint_every=3"), tmp_path / "run", resume=True, watcher=watcher)
    assert seen == [7, 8]
    assert_same(tmp_path / "run", whole)


@pytest.mark.parametrize("name", ["model.safetensors", "optimiser.safetensors", "progress.json", "SHA256SUMS"])
def test_of_a_damaged_checkpoint_the_one_before_is_used(root: Path, whole: Path, tmp_path: Path, name: str) -> None:
    run = tmp_path / "run"
    shutil.copytree(whole, run)
    damaged = path_of(run, STEPS) / name
    content = bytearray(damaged.read_bytes())
    content[len(content) // 2] ^= 1
    damaged.write_bytes(content)
    with pytest.warns(CheckpointWarning, match=f"step-0000000{STEPS}.*the one before it is used"):
        train(tiny_config(root), run, resume=True)
    assert_same(run, whole)


def test_without_a_sound_checkpoint_a_run_cannot_go_on(root: Path, whole: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(whole, run)
    for path in checkpoints(run):
        (path / "model.safetensors").unlink()
    with pytest.warns(CheckpointWarning), pytest.raises(CorruptCheckpoint, match="no checkpoint is sound"):
        train(tiny_config(root), run, resume=True)


def test_a_run_without_a_checkpoint_begins_again(root: Path, whole: Path, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        train(tiny_config(root), tmp_path / "run", watcher=DieAt(3))
    train(tiny_config(root), tmp_path / "run", resume=True)
    assert_same(tmp_path / "run", whole)


def test_a_finished_run_has_nothing_left_to_do(root: Path, whole: Path, tmp_path: Path) -> None:
    shutil.copytree(whole, tmp_path / "run")
    assert train(tiny_config(root), tmp_path / "run", resume=True).outcome == "finished"
    assert_same(tmp_path / "run", whole)


def test_nothing_is_pickled_or_unpickled(
    root: Path, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise AssertionError("a pickle")

    for name in ("pickle.load", "pickle.loads", "pickle.dump", "pickle.dumps", "torch.load", "torch.save"):
        monkeypatch.setattr(name, refuse)
    shutil.copytree(whole, tmp_path / "run")
    shutil.rmtree(path_of(tmp_path / "run", STEPS))
    train(tiny_config(root), tmp_path / "run", resume=True)
    best_model(tmp_path / "run")


def test_the_best_model_is_the_average_of_the_epoch_that_val_chose(root: Path, tmp_path: Path) -> None:
    config = tiny_config(root, "schedule.epochs=5", "optimiser.learning_rate=0.1")
    trained = train(config, tmp_path / "run")
    validations = [row for row in read_log(tmp_path / "run") if row.split == "val"]
    chosen = max(validations, key=lambda row: (row.top1, -row.loss))
    assert trained.best is not None
    assert (trained.best.epoch, trained.best.top1) == (chosen.epoch, chosen.top1)
    assert [step_of(path) for path in checkpoints(tmp_path / "run")] == [20, 16, chosen.step]
    assert best_model(tmp_path / "run")[1:] == (config, tuple("0123456789"))
    assert loss_of_the_best(tmp_path / "run") == pytest.approx(chosen.loss, rel=1e-5)


def test_the_checkpoint_before_a_damaged_one_has_its_best_too(root: Path, tmp_path: Path) -> None:
    """Epochs 1 and 3 are the best of their time, and the first is neither of the last two when the third is."""
    settings = ("schedule.epochs=5", "optimiser.learning_rate=1.0", "run.seed=1")
    with pytest.raises(KeyboardInterrupt):
        train(tiny_config(root, *settings), tmp_path / "run", watcher=DieAt(3 * EPOCH + 1))
    steps = [step_of(path) for path in checkpoints(tmp_path / "run")]
    assert steps == [3 * EPOCH, 2 * EPOCH, EPOCH]
    assert best(tmp_path / "run").step == 3 * EPOCH
    (path_of(tmp_path / "run", 3 * EPOCH) / "SHA256SUMS").unlink()
    with pytest.warns(CheckpointWarning):
        assert best(tmp_path / "run").step == EPOCH


def test_a_model_learns_what_it_sees(root: Path, tmp_path: Path) -> None:
    settings = ("data.augment=[]", "data.cache_bytes=1000000", "schedule.epochs=15", "model.arguments.dropout=0")
    config = tiny_config(root, *settings, "optimiser.accumulate=1", "optimiser.learning_rate=0.05")
    train(configure([config.model_dump(exclude_none=True), {"loss": {"mixup": None}}]), tmp_path / "run")
    rows = [row for row in read_log(tmp_path / "run") if row.split == "train"]
    assert rows[0].top1 < 0.5
    assert rows[-1].top1 > 0.9
    assert rows[-1].loss < rows[0].loss / 2


def test_it_stops_when_it_gets_no_better(root: Path, tmp_path: Path) -> None:
    """Weights that do not move give the same validation every time."""
    still = ("optimiser.learning_rate=1e-30", "optimiser.weight_decay=0", "model.name=plain")
    config = tiny_config(root, "schedule.epochs=9", "schedule.patience=2", *still)
    trained = train(config, tmp_path / "run")
    rows = [row for row in read_log(tmp_path / "run") if row.split == "val"]
    assert trained.best is not None
    assert trained.outcome == "early"
    assert (trained.best.epoch, trained.epochs, len(rows)) == (1, 3, 3)
    assert train(config, tmp_path / "run", resume=True).outcome == "early"


def test_the_last_epoch_is_kept_where_that_is_chosen(root: Path, tmp_path: Path) -> None:
    """Weights that do not move are never better than at first."""
    still = ("optimiser.learning_rate=1e-30", "optimiser.weight_decay=0", "model.name=plain", "schedule.epochs=4")
    config = tiny_config(root, *still, "schedule.choose=last")
    trained = train(config, tmp_path / "run")
    assert trained.best is not None
    assert trained.best.epoch == 4
    assert best(tmp_path / "run").step == trained.steps == 4 * EPOCH
    assert len(checkpoints(tmp_path / "run")) == 2
    with pytest.raises(ValueError, match="patience waits"):
        tiny_config(root, "schedule.choose=last", "schedule.patience=2")


def test_parts_of_a_batch_add_up_to_the_batch(root: Path, tmp_path: Path) -> None:
    finals = []
    for parts in (1, 2, 4):
        config = tiny_config(root, f"optimiser.accumulate={parts}", "model.name=plain", "optimiser.name=sgd")
        plain = configure([config.model_dump(exclude_none=True), {"loss": {"mixup": None}}])
        train(plain, tmp_path / str(parts))
        checkpoint = newest(tmp_path / str(parts))
        assert checkpoint is not None
        finals.append(checkpoint.tensors["model"])
    for other in finals[1:]:
        for name, value in other.items():
            torch.testing.assert_close(value, finals[0][name], rtol=1e-4, atol=1e-6)


def test_gradients_are_clipped(root: Path, tmp_path: Path) -> None:
    """Plain gradient descent at a rate of 1 moves the weights by the gradient."""
    settings = ("optimiser.name=sgd", "model.name=plain", "optimiser.weight_decay=0", "optimiser.momentum=0")
    rates = ("schedule.epochs=1", "schedule.warm_up=0", "optimiser.learning_rate=1")
    weights = []
    for clip in (1e-9, 1e-2):
        run = tmp_path / str(clip)
        train(tiny_config(root, *settings, *rates, f"optimiser.clip={clip}"), run, watcher=StopAt(1))
        after = newest(run)
        assert after is not None
        weights.append(torch.cat([value.flatten() for _, value in sorted(after.tensors["model"].items())]))
    assert (weights[0] - weights[1]).norm().item() == pytest.approx(1e-2, rel=1e-2)


def test_bfloat16_computes_with_less_and_keeps_float32(root: Path, whole: Path, tmp_path: Path) -> None:
    train(tiny_config(root, "run.precision=bf16"), tmp_path / "run")
    ours, exact = newest(tmp_path / "run"), newest(whole)
    assert ours is not None
    assert exact is not None
    assert {value.dtype for value in ours.tensors["model"].values()} == {torch.float32, torch.int64}
    assert not same_bits(ours.tensors["model"], exact.tensors["model"])
    for name, value in ours.tensors["model"].items():
        torch.testing.assert_close(value, exact.tensors["model"][name], rtol=0.2, atol=0.1)


def test_a_loss_that_is_no_number_ends_the_run(root: Path, tmp_path: Path) -> None:
    config = tiny_config(root, "optimiser.name=sgd", "optimiser.learning_rate=1e38", "model.name=plain")
    with pytest.raises(Diverged, match="the loss is"):
        train(config, tmp_path / "run")


@pytest.mark.parametrize(("settings", "problem"), MISUSE.values(), ids=MISUSE)
def test_what_does_not_go_together_is_said_before_anything_is_written(
    root: Path, tmp_path: Path, settings: list[str], problem: str
) -> None:
    with pytest.raises(WrongSettings, match=problem):
        train(tiny_config(root, *settings), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_points_are_not_blended(root: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"data\.cut_mix"):
        train(tiny_config(root, "data.encoder={kind='points'}", "model.name=cloud"), tmp_path / "run")


def test_a_folder_holds_one_run(root: Path, whole: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="holds a run; go on with it"):
        train(tiny_config(root), whole)
    with pytest.raises(TrainingError, match="holds no run"):
        train(tiny_config(root), tmp_path / "none", resume=True)
    with pytest.raises(WrongSettings, match=r"begun with another data\.batch, schedule\.epochs"):
        train(tiny_config(root, "data.batch=8", "schedule.epochs=3"), whole, resume=True)


def test_a_store_of_tensors_trains_to_the_bits_of_its_recordings(root: Path, tmp_path: Path) -> None:
    """Both hold out the same recordings and see the same samples."""
    from neuroact.encoders.configs import SpikesConfig

    converted(root, tmp_path / "store", to=SpikesConfig(steps=3))
    settings = ("data.augment=[]", "schedule.epochs=1")
    of_recordings = tiny_config(root, *settings).model_dump(exclude_none=True)
    train(configure([of_recordings]), tmp_path / "one")
    of_recordings["data"] |= {"source": str(tmp_path / "store"), "encoder": None}
    train(configure([of_recordings]), tmp_path / "other")
    assert_same(tmp_path / "one", tmp_path / "other")


def test_a_run_does_not_go_on_with_other_data(root: Path, whole: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(whole, run)
    digits(tmp_path / "more", each=12)
    with pytest.raises(WrongSettings, match="was begun with other data"):
        train(tiny_config(tmp_path / "more"), run, resume=True)


def test_every_checkpoint_of_a_run_is_sound(whole: Path) -> None:
    assert [read(path).step for path in checkpoints(whole)] == [STEPS, EPOCH]
