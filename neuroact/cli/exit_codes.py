"""What the exit code of every command says."""

from enum import IntEnum


class ExitCode(IntEnum):
    """A command that is not simply done ends with `raise typer.Exit(ExitCode.IN_PART)`, say."""

    DONE = 0
    ERROR = 1
    USAGE = 2
    IN_PART = 3
    """Some recordings were damaged or unreadable; they are listed, the others are done."""
    INTERRUPTED = 130
