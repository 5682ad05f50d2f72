"""The driver's side of `benchmarks.first_step`: a sweep's command, or a script for stock Ray Tune, that writes down when it came to what.

``python -m benchmarks.marked_start ours|ray FOLDER [overrides]``; it goes on until it is interrupted.
"""

import time

_MARKS = {"python_running": time.time()}

import sys  # noqa: E402 - the clock has to be read first
from collections.abc import Callable, Iterator  # noqa: E402
from contextlib import contextmanager  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

DRIVER_MARKS, CONFIG = "driver.json", "run.json"


def _ours(folder: Path, overrides: list[str]) -> None:
    """``python -m sweeps.lr_ablation``, its steps marked as they are left behind."""
    from unittest.mock import patch

    from sweeps.lr_ablation import SWEEP
    from sweeps.runner import blueprint, cli, drive, launch
    from sweeps.runner.conductor import Conductor

    _MARKS["sweep_imported"] = time.time()
    next_trial = Conductor.next_trial

    @contextmanager
    def ray_marked(*given: Any, **named: Any) -> Iterator[None]:
        _MARKS["data_and_statement_ready"] = time.time()
        with launch.running_ray(*given, **named):
            _MARKS["ray_running"] = time.time()
            yield

    def asked(conductor: Conductor) -> Any:
        answer = next_trial(conductor)
        if "first_trial_given" not in _MARKS:
            _leave(folder, "first_trial_given")
        return answer

    marked = {(cli, "draw_up"): _after(blueprint.draw_up, "composed"), (drive, "running_ray"): ray_marked, (launch, "_placed"): _placed}
    for (module, name), replacement in marked.items():
        patch.object(module, name, replacement).start()
    patch.object(Conductor, "next_trial", asked).start()
    cli.main(SWEEP, [f"experiment.results_dir={folder}", *overrides])


def _after(function: Callable[..., Any], mark: str) -> Callable[..., Any]:
    def marked(*given: Any) -> Any:
        answer = function(*given)
        _MARKS[mark] = time.time()
        return answer

    return marked


def _placed(resources: Any) -> Any:
    from ray import tune

    from benchmarks.marked_trainable import MarkedTrainable

    return tune.with_resources(MarkedTrainable, {"cpu": resources.cpus_per_trial})


def _ray(folder: Path, _overrides: list[str]) -> None:
    """A script after Ray's documentation; the configuration of a run lies ready in the folder, so that both train the same."""
    import json

    import ray
    import torch  # noqa: F401 - as a script does that trains
    from ray import tune

    from benchmarks.marked_trainable import StockMarked

    run = json.loads((folder / CONFIG).read_text())
    _MARKS["sweep_imported"] = _MARKS["composed"] = _MARKS["data_and_statement_ready"] = time.time()
    ray.init(log_to_driver=False, logging_level="ERROR")
    _MARKS["ray_running"] = time.time()
    _leave(folder, "first_trial_given")
    tune.Tuner(
        StockMarked,
        param_space={"folder": str(folder), "run": run, "lr": tune.grid_search([1e-4, 1e-3, 1e-2])},
        tune_config=tune.TuneConfig(metric="loss", mode="min", reuse_actors=True),
        run_config=tune.RunConfig(name="stock", storage_path=str(folder / "ray"), verbose=0),
    ).fit()


def _leave(folder: Path, mark: str) -> None:
    from trainable.spec.atomic_write import write_json

    _MARKS[mark] = time.time()
    write_json(folder / DRIVER_MARKS, _MARKS)


if __name__ == "__main__":
    {"ours": _ours, "ray": _ray}[sys.argv[1]](Path(sys.argv[2]), sys.argv[3:])
