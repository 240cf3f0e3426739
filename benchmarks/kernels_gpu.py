"""The kernels on a GPU beside the speed of its memory: `python -m benchmarks.kernels_gpu [--rounds N]`.

Beside a loop that torch compiles, and spikingjelly's Triton kernels where that is installed.
"""

from benchmarks.kernels import publish, rounds
from neuroact.bench import bench_gpu

if __name__ == "__main__":
    publish("kernels_gpu", bench_gpu(rounds()))
