"""What is wrong with settings, in a line."""

from __future__ import annotations


def problem(error: ValueError) -> str:
    """The first line that says what is wrong; pydantic puts more around it."""
    from pydantic import ValidationError

    if not isinstance(error, ValidationError):
        return str(error)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"{where}: {first['msg']}" if where else str(first["msg"])
