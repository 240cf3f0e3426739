"""Every Python example in the README and in docs/ runs; every command in them exists."""

import re
import shlex
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PYTHON = re.compile(r"```python\n(.*?)```", re.DOTALL)
COMMAND = re.compile(r"^neuroact (\w+)(.*)$", re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_examples_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {"__name__": "__main__"}
    for number, example in enumerate(PYTHON.findall(page.read_text(encoding="utf-8")), 1):
        exec(compile(example, f"{page.name}, example {number}", "exec"), namespace)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_and_options_exist(page: Path) -> None:
    from typer.main import get_command

    from neuroact.cli.app import app

    commands = get_command(app).commands  # type: ignore[attr-defined]
    for name, rest in COMMAND.findall(page.read_text(encoding="utf-8")):
        assert name in commands, f"{page.name} calls neuroact {name}"
        command = commands[name]
        if hasattr(command, "commands"):
            name, _, rest = rest.strip().partition(" ")
            assert name in command.commands, f"{page.name} calls neuroact {command.name} {name}"
            command = command.commands[name]
        known = {option for parameter in command.params for option in parameter.opts} | {"--help"}
        used = {word.split("=")[0] for word in shlex.split(rest, comments=True) if re.match(r"--?[a-zA-Z]", word)}
        assert used <= known, f"{page.name}: neuroact {name} has no {used - known}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"
