"""Runs a sweep on Ray Tune: an embedded Ray, or the cluster whose address is given."""

import logging
import os
import shutil
import signal
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sweeps.runner.blueprint import Blueprint
from sweeps.runner.conductor import Conductor
from sweeps.runner.memory_plan import gpu_share, memory_of_trials
from sweeps.runner.resources import gpu_count, slots, worker_count
from trainable.spec.config import AUTO, ResourcesConfig

if TYPE_CHECKING:
    from sweeps.runner.cluster.watch import ClusterWatch

# Tune writes its own state for a resume that this project does not use; seldom is enough.
_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AIR_NEW_OUTPUT": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_GLOBAL_CHECKPOINT_S": "3600",
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
    "TUNE_RESULT_BUFFER_LENGTH": "1",
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_DISABLE_MEMORY_MONITOR": "1",
}
# What happens to each call of an actor is told to the dashboard only.
_UNWATCHED = {"RAY_task_events_report_interval_ms": "0"}
_PENDING = "1000"
_OBJECT_STORE_BYTES = 100 * 1024 * 1024


@contextmanager
def running_ray(address: str | None, *, dashboard: bool = False) -> Iterator[None]:
    """A Ray for the body: the one at `address`, or an embedded one that is gone afterwards."""
    is_watched = dashboard or address is not None
    for name, value in (_QUIET if is_watched else _QUIET | _UNWATCHED).items():
        os.environ.setdefault(name, value)
    import ray

    options: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False}
    if address is None:
        options |= {"include_dashboard": dashboard, "object_store_memory": _OBJECT_STORE_BYTES, "num_cpus": os.cpu_count()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ray.init(address=address or "local", **options)
    try:
        yield
    finally:
        ray.shutdown()


def run_trials(conductor: Conductor, resources: ResourcesConfig, beat: Callable[[], None], watch: "ClusterWatch | None" = None) -> None:
    """Runs trials until the plan is finished or Ctrl-C is pressed; raises what the conductor failed with.

    A trial's own failure is no failure of the sweep. Ray must be running; `watch` follows the nodes where it is a cluster.
    """
    import ray
    from ray import tune

    from sweeps.runner.fused.fusing import open_pool
    from sweeps.runner.tune_bridge import Following, Guard, LedgerScheduler, PlanSearcher
    from sweeps.runner.vigil import Vigil

    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)
    logging.getLogger("ray.train").setLevel(logging.ERROR)
    resources = _packed(conductor.blueprint, resources)
    pool = open_pool(conductor.blueprint, resources)
    resources = resources if pool is None else pool.shared
    conductor.gpus_per_trial = gpu_count(resources)
    guard = Guard(conductor)
    vigil = Vigil(resources.trial_timeout_seconds, lambda: guard.failure)
    turns = [lambda _: beat(), lambda _: conductor.searcher.publish(), vigil.follow, *([watch.follow] if watch else [])]
    if watch:
        watch.resources = resources
        os.environ["TUNE_MAX_PENDING_TRIALS_PG"] = _PENDING  # how many wait is the watch's to say
    scratch = tempfile.mkdtemp(prefix="transformer-sweeps-")
    tuner = tune.Tuner(
        _placed(resources) if pool is None else pool.trainable(),
        tune_config=tune.TuneConfig(
            search_alg=PlanSearcher(guard, watch.has_room if watch else None, pool),
            scheduler=LedgerScheduler(guard, pool, Following(turns, [vigil.heard]), each_has_room=watch is None),
            num_samples=-1,
            reuse_actors=True,
            max_concurrent_trials=None if watch else _at_once(resources, ray.cluster_resources()),
        ),
        run_config=_run_config(scratch),
    )
    try:
        with terminate_like_interrupt():
            tuner.fit()
    except Exception:
        if guard.failure is None:
            raise
    finally:
        conductor.searcher.publish(final=True)
        shutil.rmtree(scratch, ignore_errors=True)
        if pool is not None:
            pool.close()
    if guard.failure is not None:
        raise guard.failure


def _placed(resources: ResourcesConfig) -> Any:
    """The trainable with what a trial reserves: one place for each of its workers, on one machine where they fit."""
    from ray import tune

    from sweeps.runner.ranked_trainable import RankedTrainable
    from trainable.ray_trainable import TransformerTrainable

    workers = worker_count(resources)
    if workers == 1:
        return tune.with_resources(TransformerTrainable, {"cpu": resources.cpus_per_trial, "gpu": gpu_count(resources)})
    share = {"CPU": resources.cpus_per_trial / workers, "GPU": gpu_count(resources) / workers}
    place = {name: amount for name, amount in share.items() if amount}
    # A run that is kept at a storage lies on the disk of one machine while it trains.
    strategy = "STRICT_PACK" if resources.storage else "PACK"
    return tune.with_resources(RankedTrainable, tune.PlacementGroupFactory([place] * workers, strategy=strategy))


def _run_config(scratch: str) -> Any:
    from ray import tune

    # Trials keep checkpoints of their own; Tune's would look for the driver's scratch folder on the trial's host.
    kept = tune.CheckpointConfig(checkpoint_at_end=False)
    return tune.RunConfig(name="trials", storage_path=scratch, checkpoint_config=kept, verbose=0)


def _at_once(resources: ResourcesConfig, available: Mapping[str, float]) -> int:
    return slots(resources, available.get("CPU", 1.0), available.get("GPU", 0.0))


def _packed(blueprint: Blueprint, resources: ResourcesConfig) -> ResourcesConfig:
    """With a number for ``gpus_per_trial=auto``, from the memory of a GPU of the running Ray, which a worker that has one is asked for."""
    if resources.gpus_per_trial != AUTO:
        return resources
    import ray

    device_bytes = ray.get(ray.remote(num_cpus=0, num_gpus=0.01)(_device_bytes).remote())
    return replace(resources, gpus_per_trial=gpu_share(memory_of_trials(blueprint), device_bytes))


def _device_bytes() -> int:
    import torch

    return torch.cuda.get_device_properties(0).total_memory


@contextmanager
def terminate_like_interrupt() -> Iterator[None]:
    """A polite kill (as a cluster or a service sends it) ends the sweep as Ctrl-C does."""
    before = signal.signal(signal.SIGTERM, lambda *_: os.kill(os.getpid(), signal.SIGINT))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
