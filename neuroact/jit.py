"""Loops that numba compiles once there is enough work for it.

Importing numba takes 0.3 s and loading a cached kernel another 0.2 s: longer than a 20 kB recording takes in
plain Python. So a kernel is written as a function that means the same in both, and the caller chooses:
`kernel.plain(...)` runs it as it stands, `kernel(...)` compiled, `kernel.suited(events)(...)` whichever is quicker.
"""

import hashlib
from collections.abc import Callable
from functools import cached_property
from types import CodeType, FunctionType
from typing import Any, Generic, Literal, ParamSpec, TypeVar, cast

P = ParamSpec("P")
R = TypeVar("R")
F = TypeVar("F", bound=Callable[..., Any])

Freedom = Literal["contract", "reassoc"]

WORTH_LOADING = 1 << 17
"""Events that plain Python handles in the time that it takes to load numba and a kernel."""


class Loop(Generic[P, R]):
    """A function over numpy arrays that is compiled at its first call; the machine code is cached on disk."""

    def __init__(self, function: Callable[P, R], **options: Any) -> None:
        self.plain = function
        self.options = options
        self.seen = 0
        self.__doc__ = function.__doc__
        self.__name__ = function.__name__

    @cached_property
    def compiled(self) -> Callable[P, R]:
        """The machine code's entry. The parts that the loop calls are compiled with it."""
        import numba

        function = _with_compiled_parts(cast(FunctionType, self.plain))
        return cast(Callable[P, R], numba.njit(cache=True, nogil=True, **self.options)(function))

    def suited(self, events: int) -> Callable[P, R]:
        """What to run on `events` more events: plain Python until all so far would have paid for the machine code."""
        self.seen += events
        return self.plain if self.seen < WORTH_LOADING and not always_compiled() else self.compiled

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self.compiled(*args, **kwargs)


_always_compiled = False


def always_compiled() -> bool:
    """Whether this process compiles kernels however little there is to do at first."""
    return _always_compiled


def compile_always() -> None:
    """For processes that go through many small recordings, which plain Python would make slow in sum."""
    global _always_compiled
    _always_compiled = True


def loop(function: Callable[P, R]) -> Loop[P, R]:
    """Decorates a kernel: see the module's docstring."""
    return Loop(function)


def loop_with(function: Callable[P, R], name: str, **parts: Callable[..., Any]) -> Loop[P, R]:
    """A loop of its own, made of `function` with `parts` in the place of those that it, or a part of it, calls so.

    - `name`: what machine code on disk is told apart by, beside the parts.
    """
    copy = _with_parts(cast(FunctionType, function), parts)
    copy.__name__ = copy.__qualname__ = name
    return Loop(cast(Callable[P, R], copy))


def _with_parts(function: FunctionType, parts: dict[str, Callable[..., Any]]) -> FunctionType:
    """A copy of a function that calls `parts`, as do those of its own parts that they do not take the place of."""
    called = {name: parts.get(name) or _with_parts(value, parts) for name, value in _parts_of(function).items()}
    copy = FunctionType(function.__code__, function.__globals__ | called, function.__name__, function.__defaults__)
    copy.__doc__ = function.__doc__
    copy.__dict__.update(function.__dict__)
    return copy


def part(function: F) -> F:
    """Marks a small function that loops and parts call; it is compiled into them, and stays plain Python elsewhere."""
    function.is_part = True  # type: ignore[attr-defined]
    return function


def inline_part(function: F) -> F:
    """Marks a part that is put into whatever calls it, however large that gets, so that loops around it use vectors."""
    function.is_inline = True  # type: ignore[attr-defined]
    return part(function)


def part_with(*freedoms: Freedom) -> Callable[[F], F]:
    """Marks a part in whose arithmetic the compiler has freedoms.

    - "contract": a product and a sum may become one instruction, which rounds once.
    - "reassoc": sums may be taken in any order, which is what lets one over a row use vectors. Machine code once made
      keeps its order, so that results are still the same from run to run.
    """

    def mark(function: F) -> F:
        function.freedoms = frozenset(freedoms)  # type: ignore[attr-defined]
        return part(function)

    return mark


def _with_compiled_parts(function: FunctionType) -> FunctionType:
    """A copy of a function that calls its parts, and they theirs, as machine code.

    Its name ends in a digest of them, since numba finds machine code on disk by the name and file of the loop alone:
    it would go on to use what was made from parts that have changed since.
    """
    import numba

    parts = _parts_of(function)
    compiled = {
        name: numba.njit(
            nogil=True, error_model="numpy", fastmath=_freedoms_of(value), forceinline=hasattr(value, "is_inline")
        )(_with_compiled_parts(value))
        for name, value in parts.items()
    }
    copy = FunctionType(function.__code__, function.__globals__ | compiled, function.__name__, function.__defaults__)
    copy.__qualname__ = f"{function.__qualname__}-{_digest_of_parts(function)}" if parts else function.__qualname__
    return copy


def _parts_of(function: FunctionType) -> dict[str, FunctionType]:
    """The parts that a loop or a part calls, by the names it knows them by."""
    named = ((name, function.__globals__.get(name)) for name in function.__code__.co_names)
    return {name: value for name, value in named if isinstance(value, FunctionType) and hasattr(value, "is_part")}


def _freedoms_of(function: FunctionType) -> set[str]:
    return set(getattr(function, "freedoms", ()))


def _digest_of_parts(function: FunctionType) -> str:
    digest = hashlib.sha256()
    for name, value in _parts_of(function).items():
        freedoms, inline = " ".join(sorted(_freedoms_of(value))), hasattr(value, "is_inline")
        digest.update(f"{name} {_instructions(value.__code__)} {freedoms} {inline} {_digest_of_parts(value)}".encode())
    return digest.hexdigest()[:12]


def _instructions(code: CodeType) -> str:
    """What a function does, whatever line of its file it stands on."""
    return f"{code.co_code.hex()} {code.co_consts} {code.co_names} {code.co_varnames}"
