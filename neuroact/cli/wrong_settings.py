"""What is wrong with settings, in a line."""

from __future__ import annotations


def problem(error: ValueError) -> str:
    """The first line that says what is wrong; pydantic puts more around it."""
    from pydantic import ValidationError

    if not isinstance(error, ValidationError):
        return str(error)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    ours = first["type"] == "value_error"  # raised by a validator; pydantic puts "Value error, " before it
    what = str(first["ctx"]["error"]) if ours else first["msg"]
    return f"{where}: {what}" if where else what
