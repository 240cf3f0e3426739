"""The frame of the command line: help, exit codes, and how errors, warnings and interruptions look."""

import os
import signal
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
import typer

import neuroact
from neuroact.cli.app import app, run
from neuroact.cli.exit_codes import ExitCode

HEAVY = ["numba", "torch", "h5py", "matplotlib", "plotly", "pydantic_settings", "rich.console"]
COMMANDS = [command.name or "" for command in app.registered_commands]


def loaded_by(*arguments: str) -> list[str]:
    """The heavy modules that a command line leaves behind in a process of its own."""
    code = f"""
import sys
from neuroact.cli.app import run
code = run({list(arguments)})
sys.stderr.write("loaded " + " ".join(name for name in {HEAVY} if name in sys.modules))
sys.exit(code)"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stderr.rpartition("loaded ")[2].split()


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], *([name, "--help"] for name in COMMANDS)])
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    assert loaded_by(*arguments) == []


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_an_example_that_names_it(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([name, "--help"]) == ExitCode.DONE
    page = capsys.readouterr().out
    assert f"neuroact {name}" in page.partition("Example:")[2]


def test_the_version_is_the_package_s(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == ExitCode.DONE
    assert capsys.readouterr().out == f"neuroact {neuroact.__version__}\n"


@pytest.mark.parametrize("arguments", [[], ["no-such-command"], ["info"], ["info", "--sensor-size", "12", "a.raw"]])
def test_wrong_usage_is_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == ExitCode.USAGE
    printed = capsys.readouterr()
    assert "Usage: neuroact" in printed.out + printed.err


def test_python_m_neuroact_is_the_same_program() -> None:
    done = subprocess.run([sys.executable, "-m", "neuroact", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"neuroact {neuroact.__version__}\n"


@pytest.mark.parametrize(("content", "problem"), [(None, "no such file"), (b"\x01\x02", "match no known format")])
def test_an_error_is_one_line_and_1(
    content: bytes | None, problem: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "recording.raw"
    if content is not None:
        path.write_bytes(content)
    assert run(["info", str(path)]) == ExitCode.ERROR
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(f"error: {path}")
    assert problem in printed.err
    assert printed.err.count("\n") == 1


@pytest.fixture
def act(monkeypatch: pytest.MonkeyPatch) -> object:
    """Adds a command `act` for one test; the fixture's value sets what it does."""
    monkeypatch.setattr(app, "registered_commands", list(app.registered_commands))

    def register(deed: object) -> None:
        app.command("act")(deed)  # type: ignore[type-var]

    return register


def test_a_command_may_end_in_part(act: object) -> None:
    def deed() -> None:
        raise typer.Exit(ExitCode.IN_PART)

    act(deed)  # type: ignore[operator]
    assert run(["act"]) == ExitCode.IN_PART


def test_an_interruption_is_a_line_and_130(act: object, capsys: pytest.CaptureFixture[str]) -> None:
    def deed() -> None:
        raise KeyboardInterrupt

    act(deed)  # type: ignore[operator]
    assert run(["act"]) == ExitCode.INTERRUPTED
    assert capsys.readouterr().err == "interrupted\n"


def test_a_full_disk_is_one_line_and_1(act: object, capsys: pytest.CaptureFixture[str]) -> None:
    def deed() -> None:
        raise OSError(28, "No space left on device", "out.h5")

    act(deed)  # type: ignore[operator]
    assert run(["act"]) == ExitCode.ERROR
    assert capsys.readouterr().err == "error: [Errno 28] No space left on device: 'out.h5'\n"


def test_a_mistake_of_ours_keeps_its_traceback(act: object) -> None:
    def deed() -> None:
        raise ZeroDivisionError

    act(deed)  # type: ignore[operator]
    with pytest.raises(ZeroDivisionError):
        run(["act"])


def test_a_warning_is_one_line(act: object, capsys: pytest.CaptureFixture[str]) -> None:
    def deed() -> None:
        warnings.warn("a.raw: cut at byte 9", neuroact.recordings.DamageWarning, stacklevel=2)

    act(deed)  # type: ignore[operator]
    assert run(["act"]) == ExitCode.DONE
    assert capsys.readouterr().err == "warning: a.raw: cut at byte 9\n"


@pytest.mark.parametrize("write", ["typer.echo('much')", "sys.stdout.write('much')"], ids=["flushed", "buffered"])
def test_a_reader_that_stops_reading_hears_nothing_more(write: str) -> None:
    code = f"""
import sys, typer
from neuroact.cli.app import app, main
app.command("act")(lambda: {write})
sys.argv = ["neuroact", "act"]
main()"""
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([sys.executable, "-c", code], stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert done.returncode == ExitCode.ERROR
    assert done.stderr == ""


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
def test_ctrl_c_ends_a_running_command_quietly() -> None:
    code = """
import sys, time
from neuroact.cli.app import app, main
app.command("act")(lambda: (print("at work", flush=True), time.sleep(60)))
sys.argv = ["neuroact", "act"]
main()"""
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "at work\n"
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=20)
    assert process.returncode == ExitCode.INTERRUPTED
    assert error == "interrupted\n"
