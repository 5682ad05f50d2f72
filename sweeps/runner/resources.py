"""What a sweep may use: checked before anything starts."""

import os

from trainable.spec.config import ResourcesConfig, RunConfig


def resource_mistakes(config: RunConfig) -> list[str]:
    """Rules that an embedded Ray on this machine cannot meet."""
    resources, mistakes = config.resources, []
    cpus = os.cpu_count() or 1
    if resources.cpus_per_trial > cpus:
        mistakes.append(f"resources.cpus_per_trial={resources.cpus_per_trial:g}, but this machine has {cpus} CPUs")
    if resources.gpus_per_trial or config.training.device == "cuda":
        gpus = _local_gpus()
        if gpu_count(resources) > gpus:
            mistakes.append(f"resources.gpus_per_trial={resources.gpus_per_trial}, but this machine has {gpus} GPUs")
        if config.training.device == "cuda" and not resources.gpus_per_trial:
            mistakes.append("training.device=cuda, but resources.gpus_per_trial=0 gives no trial a GPU")
    return mistakes


def gpu_count(resources: ResourcesConfig) -> float:
    """The GPUs of a trial; a share that is still to be worked out from the device's memory counts as a whole one."""
    return 1.0 if isinstance(resources.gpus_per_trial, str) else float(resources.gpus_per_trial)


def worker_count(resources: ResourcesConfig) -> int:
    """Processes that train one trial together."""
    return resources.workers_per_trial or max(1, int(gpu_count(resources)))


def worker_mistakes(config: RunConfig) -> list[str]:
    """Rules between the processes of a trial and what it is given."""
    workers, mistakes = worker_count(config.resources), []
    if workers < 1:
        return [f"resources.workers_per_trial={workers} must be at least 1"]
    if config.training.batch_size % workers:
        mistakes.append(f"training.batch_size={config.training.batch_size} must be divisible by the {workers} workers of a trial")
    if workers > 1 and gpu_count(config.resources) % workers:
        mistakes.append(
            f"resources.gpus_per_trial={config.resources.gpus_per_trial} must be a multiple of resources.workers_per_trial={workers}"
        )
    if workers == 1 and config.resources.parallel == "fsdp":
        mistakes.append("resources.parallel=fsdp needs several workers for a trial, and it has one: set resources.workers_per_trial")
    return mistakes


def slots(resources: ResourcesConfig, cpus: float, gpus: float) -> int:
    """Trials that fit at once, at least 1."""
    by_cpu = cpus / resources.cpus_per_trial
    by_gpu = gpus / gpu_count(resources) if resources.gpus_per_trial else by_cpu
    fitting = max(1, int(min(by_cpu, by_gpu) + 1e-9))
    return min(fitting, resources.max_concurrent_trials or fitting)


def local_slots(resources: ResourcesConfig) -> int:
    """Trials that fit at once on this machine."""
    return slots(resources, os.cpu_count() or 1, _local_gpus() if resources.gpus_per_trial else 0)


def _local_gpus() -> int:
    import torch

    return torch.cuda.device_count()
