"""Speed of the kernels on the machine at hand, beside what else is installed on it."""

from neuroact.bench.gpu import bench_gpu
from neuroact.bench.kernels import bench_kernels
from neuroact.bench.timing import Row

__all__ = ["Row", "bench_gpu", "bench_kernels"]
