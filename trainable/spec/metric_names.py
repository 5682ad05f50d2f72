"""Every metric's name, unit and meaning, in one place; nothing is logged under a name that is not here."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Metric:
    name: str
    unit: str
    meaning: str
    integer: bool = False


_METRICS = [
    Metric("step", "steps", "optimizer steps done", integer=True),
    Metric("epoch", "epochs", "passes over the training tokens, rounded down", integer=True),
    Metric("train/loss", "nats/token", "cross entropy of the step's global batch"),
    Metric("train/perplexity", "1", "exp(train/loss)"),
    Metric("eval/loss", "nats/token", "cross entropy on fixed validation batches"),
    Metric("eval/perplexity", "1", "exp(eval/loss)"),
    Metric("eval/tokens_per_sec", "tokens/s", "throughput of the evaluation"),
    Metric("memory/allocated_gb", "GB", "memory in use: CUDA allocations, or resident set of the process on CPU"),
    Metric("memory/reserved_gb", "GB", "memory held: CUDA reserved, or resident set on CPU"),
    Metric("memory/peak_gb", "GB", "largest memory/allocated_gb of the run so far"),
    Metric("time/tokens_per_sec", "tokens/s", "training throughput since the last logged row"),
    Metric("time/step_time_ms", "ms", "mean step time since the last logged row"),
    Metric("optimizer/lr", "1", "learning rate of the step"),
    Metric("optimizer/grad_norm", "1", "global gradient norm before clipping"),
    Metric("optimizer/update_norm", "1", "norm of theta_t - theta_(t-1)"),
    Metric("quant/error_m", "1", "norm of first moment minus its quantised form, at one storing (8 bits where it is stored in 32)"),
    Metric("quant/error_v", "1", "norm of second moment minus its quantised form, at one storing (8 bits where it is stored in 32)"),
    Metric("quant/relative_error_m", "1", "quant/error_m over the norm of the first moment"),
    Metric("quant/relative_error_v", "1", "quant/error_v over the norm of the second moment"),
    Metric("quant/bits_m", "bits", "bits per entry that the first moment is stored in, mean over entries"),
    Metric("quant/bits_v", "bits", "bits per entry that the second moment is stored in, mean over entries"),
    Metric("quant/trajectory_error_m", "1", "relative distance of the first moment from Adam's in float32, fed the same gradients"),
    Metric("quant/trajectory_error_v", "1", "relative distance of the second moment from Adam's in float32, fed the same gradients"),
    Metric("lowrank/reconstruction_error", "1", "relative error of the factored second moment"),
    Metric("lowrank/rank", "1", "rank of the factored form", integer=True),
    Metric("theory/hessian_max_eigenvalue", "1", "largest eigenvalue of the loss Hessian"),
    Metric("theory/sharpness", "nats/token", "largest loss rise in a small ball"),
    Metric("test/loss", "nats/token", "cross entropy on the test set, at the end"),
    Metric("test/perplexity", "1", "exp(test/loss)"),
    Metric("test/ood_perplexity", "1", "perplexity on an out-of-distribution test set"),
    Metric("gates/mean", "1", "share of a layer's coordinates that its gate gives to B, mean over the layers, at the end"),
    Metric("gates/deviation", "1", "distance of that share from an equal split, mean over the layers"),
    Metric("gates/depth_correlation", "1", "Spearman's correlation of that share with the layer's depth"),
    Metric("bounds/empirical_bpd", "bits/token", "loss of the quantised model with smoothed predictions on sampled training documents"),
    Metric("bounds/kl_divergence", "nats", "ln 1 / P(h): what the quantised model and the choices made for it take to write down"),
    Metric("bounds/bound_value", "bits/token", "PAC-Bayes bound on the expected loss, the best over the grid of smoothings"),
    Metric("bounds/compressed_size_bits", "bits", "prefix-free length of the quantised model"),
    Metric("bounds/vacuous", "1", "1 where the bound says no more than random guessing does, else 0", integer=True),
]

METRICS: dict[str, Metric] = {metric.name: metric for metric in _METRICS}

# Columns every run's metrics.csv has, in this order; phase metrics follow when a probe is on.
EVERY_RUN: list[str] = [
    m.name for m in _METRICS if m.name.split("/")[0] in {"step", "epoch", "train", "eval", "memory", "time", "optimizer"}
]
# Written once, at the end, into the summary.
DOWNSTREAM_PREFIX = "downstream/"
_AT_THE_END = ("test/", "gates/", "bounds/", DOWNSTREAM_PREFIX)


def is_at_the_end(name: str) -> bool:
    """Whether the metric is measured once, when a run is complete."""
    return name.startswith(_AT_THE_END)


def is_known(name: str) -> bool:
    return name in METRICS or name.startswith(DOWNSTREAM_PREFIX)
