"""The benchmarks by name: a new one is a file and a line here."""

from benchmarks.benchmark import Benchmark
from benchmarks.summarize import SUMMARIZE

BENCHMARKS: dict[str, Benchmark] = {
    "summarize": SUMMARIZE,
}
