"""The benchmarks by name: a new one is a file and a line here."""

from benchmarks.benchmark import Benchmark

BENCHMARKS: dict[str, Benchmark] = {}
