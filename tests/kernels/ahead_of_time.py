"""Compiles the Triton kernels for GPUs that are not here, and prints what the compiler says of each as a line of JSON.

Run as `python -m tests.kernels.ahead_of_time CAPABILITY [LAUNCH...]`, in a process whose Triton does not interpret.
What to compile is not written down a second time: the launches of `LAUNCHES` are caught on their way to the GPU, with
all their arguments.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
import triton
from triton.backends import nvidia
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from triton.runtime.jit import JITFunction

from tests.kernels.launches import LAUNCHES

DTYPES = {
    torch.float64: "fp64", torch.float32: "fp32", torch.bfloat16: "bf16", torch.float16: "fp16", torch.uint8: "u8",
    torch.int32: "i32",
}  # fmt: skip
OPTIONS = ("num_warps", "num_stages", "enable_fp_fusion", "maxnreg")
TOOLS = Path(nvidia.__file__).parent / "bin"


class Launch:
    """One launch of a kernel: its arguments by name, the compiler's options apart."""

    def __init__(self, kernel: JITFunction[Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.kernel = kernel
        self.options = {name: kwargs.pop(name) for name in OPTIONS if name in kwargs}
        self.arguments = dict(zip(kernel.arg_names, args, strict=False)) | kwargs

    def compile(self, capability: int) -> Any:
        """Machine code for a GPU, as for aligned tensors and sizes that 16 divides."""
        constants = {p.name for p in self.kernel.params if p.is_constexpr}
        signature, fixed, attributes = {}, {}, {}
        for index, name in enumerate(self.kernel.arg_names):
            value = self.arguments[name]
            if name in constants:
                signature[name], fixed[index,] = "constexpr", value
            elif isinstance(value, torch.Tensor):
                signature[name], attributes[index,] = f"*{DTYPES[value.dtype]}", [["tt.divisibility", 16]]
            elif isinstance(value, float):
                signature[name] = "fp32"
            else:
                signature[name] = "i32"
                if value % 16 == 0:
                    attributes[index,] = [["tt.divisibility", 16]]
        source = ASTSource(fn=self.kernel, signature=signature, constexprs=fixed, attrs=attributes)
        return triton.compile(source, target=GPUTarget("cuda", capability, 32), options=self.options)


def caught(call: Callable[[], object]) -> list[Launch]:
    """The launches that `call` would do."""
    launches: list[Launch] = []
    launch = JITFunction.__getitem__
    JITFunction.__getitem__ = lambda kernel, grid: lambda *a, **k: launches.append(Launch(kernel, a, k))  # type: ignore[method-assign]
    try:
        call()
    finally:
        JITFunction.__getitem__ = launch  # type: ignore[method-assign]
    return launches


def resources(cubin: bytes) -> dict[str, int]:
    """Registers, stack, local memory (where spilled registers go), loads and stores of 128 bits, and stores of 64."""
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(cubin)
        file.flush()
        usage = _output("cuobjdump", "-res-usage", file.name)
        code = _output("nvdisasm", "-c", file.name)
    found = re.search(r"REG:(\d+) STACK:(\d+) SHARED:(\d+) LOCAL:(\d+)", usage)
    assert found, usage
    registers, stack, _, local = map(int, found.groups())
    wide_loads, wide_stores = len(re.findall(r"LDG\S*\.128", code)), len(re.findall(r"STG\S*\.128", code))
    half_stores = len(re.findall(r"STG\S*\.64", code))
    spills = len(re.findall(r"\b(LDL|STL)\b", code))
    return {
        "registers": registers, "stack": stack, "local": local, "spills": spills,
        "wide_loads": wide_loads, "wide_stores": wide_stores, "half_stores": half_stores,
    }  # fmt: skip


def _output(tool: str, *arguments: str) -> str:
    return subprocess.run([TOOLS / tool, *arguments], capture_output=True, text=True, check=True).stdout


def reports(capability: int, names: list[str]) -> Iterator[dict[str, Any]]:
    """One for each kernel that the launches launch."""
    for name in names:
        for launch in caught(LAUNCHES[name]):
            cubin = launch.compile(capability).asm["cubin"]
            yield {"launch": name, "kernel": launch.kernel.__name__, "sm": capability} | resources(cubin)


if __name__ == "__main__":
    for report in reports(int(sys.argv[1]), sys.argv[2:] or list(LAUNCHES)):
        print(json.dumps(report), flush=True)
