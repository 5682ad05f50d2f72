"""The benchmarks by name: a new one is a file and a line here."""

from benchmarks.benchmark import Benchmark
from benchmarks.subspace_step import SUBSPACE_STEP
from benchmarks.summarize import SUMMARIZE

BENCHMARKS: dict[str, Benchmark] = {
    "summarize": SUMMARIZE,
    "subspace_step": SUBSPACE_STEP,
}
