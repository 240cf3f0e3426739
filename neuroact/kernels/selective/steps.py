"""Parts of the CPU kernel: one time step of a block of channels, there and back.

State dimensions come first and channels last, `(N, W)`: a row holds one state dimension of every channel of the block,
so that vector instructions run over channels and the state stays in the first-level cache.
"""

from __future__ import annotations

from neuroact.jit import part, part_with
from neuroact.kernels.rows import Row, exponentials


@part
def turn(source: Row, start: int, first: int, steps: int, rows: Row) -> None:
    """Copies `steps` of the channels from `start` on, `(channels, time)`, into rows `(time, channels)`."""
    for i in range(rows.shape[1]):
        for k in range(steps):
            rows[k, i] = source[start + i, first + k]


@part
def turn_back(rows: Row, start: int, first: int, steps: int, target: Row) -> None:
    """The reverse of `turn`."""
    for i in range(rows.shape[1]):
        for k in range(steps):
            target[start + i, first + k] = rows[k, i]


@part_with("contract")
def decays(delta: Row, A: Row, decay: Row) -> None:
    """exp(delta A), `(N, W)`."""
    for n in range(A.shape[0]):
        for j in range(A.shape[1]):
            decay[n, j] = delta[j] * A[n, j]
    exponentials(decay.reshape(-1))


@part_with("contract")
def advance(decay: Row, x: Row, B: Row, C: Row, before: Row, h: Row, y: Row) -> None:
    """h = decay before + B x;  adds <C, h> to y. `decay`, `before`, `h` `(N, W)`; `x`, `y` `(W,)`; `B`, `C` `(N,)`."""
    for n in range(h.shape[0]):
        for j in range(h.shape[1]):
            h[n, j] = decay[n, j] * before[n, j] + B[n] * x[j]
            y[j] += C[n] * h[n, j]


@part_with("contract", "reassoc")
def retreat(
    decay: Row, delta: Row, x: Row, A: Row, B: Row, C: Row, before: Row, h: Row, grad_y: Row, carried: Row,
    grad_A: Row, grad_B: Row, grad_C: Row, grad_x: Row, grad_delta: Row,
) -> None:  # fmt: skip
    """One step back: dL/dh = dL/dy C + what later steps `carried` back, and from it what the step adds to all others.

    - `grad_x`, `grad_delta` `(W,)`, zeros before: dL/dx, and the share of dL/ddelta that comes through the decay.
    """
    for n in range(h.shape[0]):
        to_b = x.dtype.type(0)
        to_c = x.dtype.type(0)
        for j in range(h.shape[1]):
            grad_h = carried[n, j] + grad_y[j] * C[n]
            to_c += grad_y[j] * h[n, j]
            to_b += grad_h * x[j]
            grad_x[j] += grad_h * B[n]
            carried[n, j] = grad_h * decay[n, j]
            exponent = carried[n, j] * before[n, j]  # dL/d(delta A)
            grad_delta[j] += exponent * A[n, j]
            grad_A[n, j] += exponent * delta[j]
        grad_B[n] += to_b
        grad_C[n] += to_c
