"""The verification of a sweep's checkpoints as Markdown: what is whole, what is missing or corrupt."""

from analysis.checkpoints.of_sweep import tally
from analysis.checkpoints.verify import FoundCheckpoint, RunCheckpoints
from analysis.report.evidence import Evidence
from analysis.report.markdown import MISSING, bytes_shown, long_table, table

_NAMED = ("best", "final")


def section(evidence: Evidence) -> list[str]:
    """Every file was opened and every safetensors header read; the sentence says whose hashes were compared."""
    checked = dict(evidence.checkpoints)
    counted = tally(checked)
    lines = ["## Checkpoint verification", "", counted.sentence() + _deeper(counted.whole - counted.hashed), ""]
    if trouble := [[*_who(evidence, trial), fault] for trial, run in checked.items() for fault in run.faults]:
        lines += [*table(["configuration", "seed", "fault"], trouble), ""]
    saved = {trial: run for trial, run in checked.items() if run.found}
    if not saved:
        return lines
    header = ["configuration", "seed", "last numbered", *_NAMED, "adapters", "size", "state"]
    body = [[*_who(evidence, trial), *_line(run)] for trial, run in saved.items()]
    return [
        *lines,
        *long_table(header, body, f"Checkpoints of {len(body)} runs", rest="`python -m analysis report` on a part of them"),
        "",
        *_contents(saved),
    ]


def _deeper(unhashed: int) -> str:
    return " `python -m analysis report` compares the others too." if unhashed else ""


def _who(evidence: Evidence, trial: str) -> list[str]:
    found = evidence.trials[trial]
    return [evidence.title(found.cell), MISSING if found.seed is None else str(found.seed)]


def _line(run: RunCheckpoints) -> list[str]:
    by_name = {one.short_name: one for one in run.found}
    numbered = [one for one in run.found if one.short_name.startswith("checkpoint-")]
    adapters = [one for one in run.found if one.name.startswith("adapters/")]
    return [
        _mark(numbered[-1]) if numbered else MISSING,
        *(_mark(by_name[name]) if name in by_name else "✗ missing" if name in run.missing else MISSING for name in _NAMED),
        " ".join(f"{one.name.rpartition('/')[2]} {'✗' if one.faults else '✓'}" for one in adapters) or MISSING,
        bytes_shown(sum(one.bytes for one in run.found)),
        "✗ see above" if run.faults else "✓ hashed" if all(one.hashed for one in run.found if one not in adapters) else "✓ opened",
    ]


def _mark(one: FoundCheckpoint) -> str:
    step = f" step {one.step}" if one.step is not None else ""
    return f"{'✗' if one.faults else '✓'}{step}"


def _contents(saved: dict[str, RunCheckpoints]) -> list[str]:
    """The files of a checkpoint, with their sizes in the largest one."""
    folders = [one for run in saved.values() for one in run.found if not one.faults]
    if not folders:
        return []
    largest = max(folders, key=lambda one: one.bytes)
    files = ", ".join(f"`{name}` {bytes_shown(size)}" for name, size in largest.sizes.items())
    return [f"The largest checkpoint has {bytes_shown(largest.bytes)}: {files}.", ""]
