"""The demo, on shorter recordings than it makes for a reader."""

import html
from collections.abc import Iterator
from pathlib import Path

import pytest

from neuroact import demo, open_recording, open_store
from neuroact.cli.app import run
from neuroact.cli.exit_codes import ExitCode
from neuroact.datasets.simulation.actions import ACTIONS
from neuroact.hardware.simulating import simulate
from neuroact.training import best_model, read_log
from neuroact.training.metrics import score
from neuroact.training.runs import evaluate_run


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, list[str]]]:
    """The folder of a demo and the lines that it told."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demo, "DURATION", 300_000)
        patch.setattr(demo, "SENSOR_SIZE", (200, 150))
        patch.setattr(demo, "RECORDINGS", 20)
        patch.setattr(demo, "EPOCHS", 2)
        lines: list[str] = []
        folder = tmp_path_factory.mktemp("made") / "demo"
        assert demo.run(folder, lines.append) == folder / "report.html"
        yield folder, lines


def test_it_makes_recordings_that_differ_and_a_store_of_them(made: tuple[Path, list[str]]) -> None:
    folder, _ = made
    recordings = {name: open_recording(folder / name).read() for name in demo.SHOTS}
    assert {events.sensor_size for events in recordings.values()} == {(200, 150)}
    assert len({events.checksum() for events in recordings.values()}) == len(demo.SHOTS)
    store = open_store(folder / "voxels")
    assert store.classes == tuple(action.name for action in ACTIONS)
    states = {record.source: record.state for record in store.records}
    assert states.pop(demo.CUT) == "partial"
    assert len(states) == 20
    assert set(states.values()) == {"done"}
    assert set(demo.SHOTS) < set(states)
    assert all(sample.data.shape == (5, 150, 200) for sample in store)  # type: ignore[union-attr]
    store.close()


def test_the_report_holds_every_recording_and_the_pictures(made: tuple[Path, list[str]]) -> None:
    folder, lines = made
    page = (folder / "report.html").read_text()
    for name in (*demo.SHOTS, demo.CUT):
        assert page.count(f"<td>{name}</td>") == 2
    assert page.count("data:image/png;base64,") >= 2
    assert "cut at byte" in page
    assert "The splits share no subject, no recording and no equal file." in page
    assert '<td class="alarm">partial</td>' in page
    assert any(str(folder / "voxels") in line for line in lines)
    assert (folder / "view.png").stat().st_size > 10_000


def test_a_network_learns_from_them_and_is_tested_on_other_people(made: tuple[Path, list[str]]) -> None:
    folder, lines = made
    _, config, classes = best_model(folder / "run")
    assert config.model.name == "spiking_cnn"
    assert classes == tuple(action.name for action in ACTIONS)
    rows = [row for row in read_log(folder / "run") if row.split == "val"]
    assert [(row.epoch, row.step, row.samples) for row in rows] == [(1, 2, 2), (2, 4, 2)]
    findings = evaluate_run(folder / "run")
    assert findings.subtitle.endswith("split test")
    scores = score(findings.evaluation.logits, findings.evaluation.labels)
    right = round(scores.top1 * 4)
    verdict = f"{right} of 4 recordings of people that it has not seen are recognised"
    assert any(line.startswith(f"  {verdict}: ") and line.endswith(demo.MEANS) for line in lines)
    page = (folder / "report.html").read_text()
    assert f"{verdict}. {demo.MEANS}" in page
    assert f'<td>top-1</td><td class="right">{scores.top1:.2%}</td>' in page
    assert "<h2>Learning</h2>" in (folder / "run" / "report.html").read_text()


def test_the_network_is_exported_and_its_integers_are_simulated(made: tuple[Path, list[str]]) -> None:
    folder, lines = made
    simulated = simulate(folder / "network.net", f"synthetic:{folder / demo.SET}")
    right = round(simulated.scores.top1 * 4)
    assert f"  in the chip's integers, which are emulated here, {right} of 4 are recognised" in lines
    page = (folder / "report.html").read_text()
    assert f'<td>top-1 in the chip\'s integers</td><td class="right">{simulated.scores.top1:.2%}</td>' in html.unescape(
        page
    )
    assert simulated.operations > 0


def test_a_folder_of_its_own_is_made_anew_and_another_is_left_alone(
    made: tuple[Path, list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, _ = made
    demo._clear(folder.parent / "new")
    assert [path.name for path in (folder.parent / "new").iterdir()] == [demo.MARKER]
    (folder.parent / "new" / "stale").touch()
    demo._clear(folder.parent / "new")
    assert [path.name for path in (folder.parent / "new").iterdir()] == [demo.MARKER]
    (tmp_path / "thesis.tex").touch()
    assert run(["demo", "-o", str(tmp_path)]) == ExitCode.ERROR
    assert "holds files that no demo made" in capsys.readouterr().err
    assert (tmp_path / "thesis.tex").exists()
