"""What the bag of a run and of a sweep says about itself, and which files go into it."""

import json
from collections.abc import Collection, Sequence
from typing import Any

from analysis.archive.bag import CONTENT, DATE, IDENTIFIER, RUN, SWEEP
from analysis.archive.bag_writer import Filing
from analysis.archive.contents import contents
from analysis.archive.rebuild import digests, rebuilt_otherwise
from analysis.archive.reproduction import of_a_sweep
from analysis.archive.sources import PROJECT, code_version, requirements
from analysis.load import Sweep, Trial
from analysis.study import shown
from trainable.spec.run_dir import RunDir

CHECKPOINTS = "checkpoints"
SHOWN_IN, REBUILT, STATUS, IN_SWEEP, WITHOUT = "Shown-In", "Rebuilt", "Status", "Sweep", "Without"


def file_run(sweep: Sweep, trial: Trial, without: Collection[str], today: str) -> Filing:
    """Everything in the run directory but `without`, and the packages of ``provenance.json`` as a constraints file."""
    found = contents(trial.run_dir.path, without)
    values = ", ".join(f"{key} = {shown(value)}" for key, value in trial.values.items())
    missing = [name for name in without if (trial.run_dir.path / name).exists()]
    info = {
        IDENTIFIER: trial.run_dir.experiment_id,
        "External-Description": f"{trial.stage} run of {sweep.statement.name}: {values or trial.cell}, seed {trial.seed}",
        CONTENT: RUN,
        IN_SWEEP: sweep.directory.path.name,
        "Trial": trial.trial,
        STATUS: trial.status,
        "Commit": str(trial.told("commit") or "unknown"),
        **({WITHOUT: ", ".join(missing)} if missing else {}),
        **_about_this(found.left_out, today),
    }
    packages = _packages(trial.run_dir)
    return Filing(trial.run_dir.path, found.files, info, {"requirements-frozen.txt": requirements(packages).encode()} if packages else {})


def file_sweep(sweep: Sweep, shown_in: str, today: str) -> Filing:
    """Everything in the sweep directory, with what its figures and tables are rebuilt with; they are rebuilt now, once, to see it."""
    directory = sweep.directory.path
    found = contents(directory)
    expected = digests(directory)
    faults = rebuilt_otherwise(directory, expected)
    info = {
        IDENTIFIER: directory.name,
        "External-Description": sweep.statement.hypothesis or sweep.statement.name,
        CONTENT: SWEEP,
        "Commit": code_version(),
        **({SHOWN_IN: shown_in} if shown_in else {}),
        REBUILT: f"not as it was: {'; '.join(faults)}" if faults else f"yes, {len(expected)} figures and tables",
        **_about_this(found.left_out, today),
    }
    return Filing(directory, found.files, info, of_a_sweep())


def _about_this(left_out: Sequence[str], today: str) -> dict[str, str]:
    return {**({"Left-Out": "; ".join(left_out)} if left_out else {}), DATE: today, "Bag-Software-Agent": PROJECT}


def _packages(run_dir: RunDir) -> dict[str, str]:
    """The packages that the run had; empty where its provenance does not tell."""
    try:
        told: Any = json.loads(run_dir.provenance.read_bytes())["packages"]
        return {str(name): str(version) for name, version in told.items() if name != PROJECT}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
