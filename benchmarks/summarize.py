"""From the files of many trials to tables: ``analysis summarize``, Ray Tune's own reader, and a loop with pandas, on the same trials."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from benchmarks.benchmark import Benchmark, Outcome, Ratio
from benchmarks.fake_trials import LOG_EVERY, fake_trials, write_ours
from benchmarks.timing import CPU, WALL, medians, seconds, take_turns_by
from trainable.spec.mistakes import WrongRequest
from trainable.spec.sweep_dir import SweepDir

RAY = "ray: ExperimentAnalysis and ResultGrid.get_dataframe"
FASTER, SMALLER = 20.0, 50.0
_LONG_AGO = 1_700_000_000


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--trials", type=int, nargs="+", default=[500], metavar="N", help="how many trials; several numbers: one case each")
    parser.add_argument("--rows", type=int, default=200, help="reports of each trial")
    parser.add_argument("--rounds", type=int, default=3, help="how often each way is measured; medians count")


def _run(given: argparse.Namespace) -> Outcome:
    numbers = {"--rows": given.rows, "--rounds": given.rounds, **{f"--trials {n}": n for n in given.trials}}
    if wrong := [f"{name}: {value} given, at least 1 is needed" for name, value in numbers.items() if value < 1]:
        raise WrongRequest(wrong)
    ratios: dict[str, Ratio] = {}
    measured: dict[str, Any] = {}
    for trials in given.trials:
        with tempfile.TemporaryDirectory() as scratch:
            case = _measure(Path(scratch), trials, given.rows, given.rounds)
        ratios |= {f"{trials} trials, {name}": ratio for name, ratio in _ratios(case).items()}
        measured[f"{trials} trials"] = case
    return Outcome(ratios, measured, {"rows": given.rows, "rounds": given.rounds})


def _measure(scratch: Path, trials: int, rows: int, rounds: int) -> dict[str, Any]:
    from benchmarks.ray_trials import write_as_ray

    sweep = write_ours(scratch / "ours", fake_trials(trials, rows), LOG_EVERY * rows)
    _settle(scratch / "ours" / "runs")
    experiment = write_as_ray(scratch / "ray", fake_trials(trials, rows))
    peak_gb, command_seconds = _as_a_command(sweep)
    ways: dict[str, Callable[[], Any]] = {
        "ray": lambda: _with_ray(experiment),
        "pandas_loop": lambda: _with_pandas(scratch / "ours" / "runs"),
        "ours_from_nothing": lambda: _ours(sweep, anew=True),
        "ours_one_trial_changed": lambda: _ours(sweep, changed=scratch / "ours" / "runs"),
        "ours_opening_the_tables": lambda: _open(sweep),
    }
    for work in ways.values():  # imports and the first touch of the files count for nobody
        work()
    times = take_turns_by({"wall": WALL, "cpu": CPU}, ways, rounds)
    return {
        "seconds": medians(times["wall"]),
        "all_seconds": times["wall"],
        "cpu_seconds": medians(times["cpu"]),
        "command_seconds": command_seconds,
        "command_peak_memory_gb": peak_gb,
        "bytes": {**_bytes_of_ray(experiment), "ours_tables": _size([sweep.trials, sweep.metrics]), **_bytes_of_runs(scratch / "ours")},
    }


def _ratios(case: dict[str, Any]) -> dict[str, Ratio]:
    wall, cpu, sizes = case["seconds"], case["cpu_seconds"], case["bytes"]
    loop = "a pandas loop over our run directories"
    return {
        "tables from nothing": Ratio(wall["ray"] / wall["ours_from_nothing"], RAY, aim=FASTER),
        "tables from nothing, CPU time": Ratio(cpu["ray"] / cpu["ours_from_nothing"], RAY),
        "tables after one trial changed": Ratio(wall["ray"] / wall["ours_one_trial_changed"], RAY, aim=FASTER),
        "tables after one trial changed, CPU time": Ratio(cpu["ray"] / cpu["ours_one_trial_changed"], RAY),
        "opening the tables": Ratio(wall["ray"] / wall["ours_opening_the_tables"], RAY),
        "from nothing, beside pandas": Ratio(wall["pandas_loop"] / wall["ours_from_nothing"], loop),
        "bytes": Ratio(sizes["ray_all"] / sizes["ours_tables"], "ray: the experiment's directory", aim=SMALLER),
        "bytes without TensorBoard": Ratio(
            (sizes["ray_all"] - sizes["ray_tensorboard"]) / sizes["ours_tables"], "ray: all but its event files"
        ),
    }


def _with_ray(experiment: Path) -> Any:
    from ray.tune import ExperimentAnalysis, ResultGrid

    analysis = ExperimentAnalysis(str(experiment))
    return ResultGrid(analysis).get_dataframe(), analysis.trial_dataframes


def _with_pandas(runs: Path) -> Any:
    import pandas as pd

    folders = sorted(runs.iterdir())
    curves = pd.concat([pd.read_csv(run / "logs" / "metrics.csv").assign(run=run.name) for run in folders])
    return pd.json_normalize([json.loads((run / "summary.json").read_text()) for run in folders]), curves


def _ours(sweep: SweepDir, anew: bool = False, changed: Path | None = None) -> Any:
    from analysis.load import load_sweep
    from analysis.summarize import summarize

    if anew:
        (sweep.path / ".summarized.parquet").unlink(missing_ok=True)
    if changed is not None:
        file = next(changed.glob("*/logs/metrics.csv"))
        os.utime(file, (file.stat().st_atime, file.stat().st_mtime + 1))
    return summarize(load_sweep(sweep))


def _open(sweep: SweepDir) -> Any:
    import pandas as pd

    return pd.read_parquet(sweep.trials), pd.read_parquet(sweep.metrics)


def _as_a_command(sweep: SweepDir) -> tuple[float, float]:
    """Peak memory in GB and wall seconds of the command in a process of its own."""
    code = "import sys; from analysis.__main__ import main; main(sys.argv[1:]); print(open('/proc/self/status').read())"
    command = [sys.executable, "-c", code, "summarize", str(sweep.path)]
    told: list[str] = []
    taken = seconds(lambda: told.append(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
    peak_kib = next(line for line in told[0].splitlines() if line.startswith("VmHWM")).split()[1]
    return int(peak_kib) * 1024 / 1e9, taken


def _settle(runs: Path) -> None:
    """Files of a sweep that has been over for long."""
    for file in runs.rglob("*"):
        os.utime(file, (_LONG_AGO, _LONG_AGO))


def _bytes_of_ray(experiment: Path) -> dict[str, int]:
    files = [file for file in experiment.rglob("*") if file.is_file()]
    events = [file for file in files if file.name.startswith("events.out.tfevents")]
    return {"ray_all": _size(files), "ray_tensorboard": _size(events)}


def _bytes_of_runs(root: Path) -> dict[str, int]:
    files = [file for file in (root / "runs").rglob("*") if file.is_file()]
    return {"our_metrics_csv": _size(file for file in files if file.suffix == ".csv"), "our_run_directories": _size(files)}


def _size(files: Iterable[Path]) -> int:
    return sum(file.stat().st_size for file in files)


SUMMARIZE = Benchmark("how long does it take to make tables of many trials, and how large are they?", _run, _arguments)
