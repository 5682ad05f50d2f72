"""The benchmarks by name: a new one is a file and a line here."""

from benchmarks.benchmark import Benchmark
from benchmarks.driver_scale import DRIVER_SCALE
from benchmarks.first_step import FIRST_STEP
from benchmarks.fused_trials import FUSED_TRIALS
from benchmarks.optimizer_step import OPTIMIZER_STEP
from benchmarks.packed_trials import PACKED_TRIALS
from benchmarks.report_overhead import REPORT_OVERHEAD
from benchmarks.search_cost import SEARCH_COST
from benchmarks.subspace_step import SUBSPACE_STEP
from benchmarks.summarize import SUMMARIZE
from benchmarks.sweep_efficiency import SWEEP_EFFICIENCY
from benchmarks.train_step import TRAIN_STEP
from benchmarks.trial_overhead import TRIAL_OVERHEAD

BENCHMARKS: dict[str, Benchmark] = {
    "trial_overhead": TRIAL_OVERHEAD,
    "report_overhead": REPORT_OVERHEAD,
    "sweep_efficiency": SWEEP_EFFICIENCY,
    "first_step": FIRST_STEP,
    "train_step": TRAIN_STEP,
    "fused_trials": FUSED_TRIALS,
    "optimizer_step": OPTIMIZER_STEP,
    "packed_trials": PACKED_TRIALS,
    "search_cost": SEARCH_COST,
    "summarize": SUMMARIZE,
    "subspace_step": SUBSPACE_STEP,
    "driver_scale": DRIVER_SCALE,
}
