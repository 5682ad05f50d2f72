"""The protocol's lists 9.1 to 9.3 (reproducibility) and 12.2 (review) for one run: each item one small pure check."""

from collections.abc import Mapping

from analysis.checklists.item import Finding, Item, fails, for_people, lacking, needs, not_here
from analysis.checklists.run_facts import RunFacts
from trainable.spec.metric_names import EVERY_RUN
from trainable.spec.status import Stage, Status

_SECTIONS = ("Hypothesis", "Configuration", "Results", "Observations", "Conclusion", "Next Steps", "Files")
_KEY_METRICS = ("train/loss", "eval/loss", "memory/peak_gb", "time/tokens_per_sec", "optimizer/grad_norm", "optimizer/update_norm")
_PLOTS = ("plots/loss_curve.png", "plots/memory_profile.png")
_OPEN = (Status.RUNNING, Status.PAUSED, Status.INTERRUPTED)


def _hypothesis(run: RunFacts) -> Finding:
    return needs(bool(run.told.get("hypothesis")), "summary.json has none")


def _config(run: RunFacts) -> Finding:
    if not run.config:
        return fails("config.yaml is missing or damaged")
    return needs(run.config == run.told.get("config"), "config.yaml and the configuration in summary.json differ")


def _seeds(run: RunFacts) -> Finding:
    seeds = {run.at("training", "seed"), run.told.get("seed"), run.provenance.get("seed")}
    return needs(len(seeds) == 1 and None not in seeds, "config.yaml, summary.json and provenance.json do not tell one seed")


def _commit(run: RunFacts) -> Finding:
    return needs(bool(run.told.get("commit") or _git(run).get("commit")), "neither summary.json nor provenance.json has a commit")


def _clean(run: RunFacts) -> Finding:
    if not _git(run).get("commit"):
        return fails("the code was not under version control")
    return needs(not _git(run).get("diff"), "there were uncommitted changes; provenance.json has their diff")


def _git(run: RunFacts) -> Mapping[str, object]:
    git = run.provenance.get("git")
    return git if isinstance(git, dict) else {}


def _hardware(run: RunFacts) -> Finding:
    hardware = run.provenance.get("hardware")
    known = hardware if isinstance(hardware, dict) else {}
    wanted = ["processor", "memory_bytes", *(["gpus", "cuda"] if str(run.told.get("device")).startswith("cuda") else [])]
    return lacking((name for name in wanted if not known.get(name)), "provenance.json lacks")


def _metrics_csv(run: RunFacts) -> Finding:
    return (
        lacking((name for name in EVERY_RUN if name not in run.columns), "logs/metrics.csv lacks")
        if run.rows
        else fails("no rows in logs/metrics.csv")
    )


def _wandb(run: RunFacts) -> Finding:
    if run.at("tracking", "wandb") == "off":
        return not_here("tracking.wandb=off")
    return needs(any(name.startswith("wandb/") and name.endswith(".wandb") for name in run.files), "no run under wandb/")


def _checkpoints(run: RunFacts) -> Finding:
    if run.without_checkpoints:
        return not_here("checkpoints were left out on purpose")
    if not run.checkpoints.found and not run.told.get("checkpoint_bytes"):
        return not_here("the run ended before its first checkpoint")
    return lacking(run.checkpoints.missing, "missing")


def _whole(run: RunFacts) -> Finding:
    if not run.checkpoints.found:
        return not_here("there is no checkpoint")
    return lacking([f"{one.short_name}: {fault}" for one in run.checkpoints.found for fault in one.faults], "corrupt")


def _random_states(run: RunFacts) -> Finding:
    if not run.random_states:
        return not_here("there is no checkpoint")
    return lacking((name for name, kept in run.random_states.items() if not kept), "without states of random number generators")


def _ended(run: RunFacts) -> Finding:
    return needs(run.status not in _OPEN and run.told.get("ended") is not None, f"status {run.status}")


def _page(run: RunFacts) -> Finding:
    return lacking((name for name in _SECTIONS if not run.sections.get(name)), "summary.md lacks")


def _plots(run: RunFacts) -> Finding:
    if run.status != Status.COMPLETED:
        return not_here("the run is not complete")
    return lacking((name for name in _PLOTS if name not in run.files), "missing")


def _key_metrics(run: RunFacts) -> Finding:
    metrics = run.told.get("metrics")
    if run.status != Status.COMPLETED:
        return not_here("the run is not complete")
    return lacking((name for name in _KEY_METRICS if not isinstance(metrics, dict) or metrics.get(name) is None), "summary.json lacks")


def _concluded(run: RunFacts) -> Finding:
    return lacking((name for name in ("Hypothesis", "Conclusion") if not run.sections.get(name)), "summary.md lacks")


def _baseline(run: RunFacts) -> Finding:
    if run.told.get("stage") != Stage.CONFIRM or run.status != Status.COMPLETED:
        return not_here("the run enters no claim")
    compared = "Baseline: " in run.sections.get("Results", "") or "This is the baseline" in run.sections.get("Conclusion", "")
    return needs(compared, "summary.md compares with no baseline: `python -m analysis report` of its sweep adds it")


def _pushed(run: RunFacts) -> Finding:
    commit = run.told.get("commit") or "the commit"
    return for_people(f"`git branch --remotes --contains {commit}` names a branch when it is")


def _synced(run: RunFacts) -> Finding:
    mode = run.at("tracking", "wandb")
    if mode == "off":
        return not_here("tracking.wandb=off")
    return for_people(
        "`wandb sync` uploads offline runs; the server then shows them as finished" if mode == "offline" else "see the server"
    )


RUN_ITEMS: list[Item[RunFacts]] = [
    Item("9.1-hypothesis", "Hypothesis clearly documented", _hypothesis),
    Item("9.1-config", "Configuration file created and saved", _config),
    Item("9.1-seeds", "Random seeds set", _seeds),
    Item("9.1-committed", "Git commit current code state", _clean, required=False),
    Item("9.1-commit", "Git commit hash noted", _commit),
    Item("9.1-hardware", "Hardware documented", _hardware),
    Item("9.2-metrics", "All metrics logged to the local CSV", _metrics_csv),
    Item("9.2-wandb", "All metrics logged to wandb", _wandb),
    Item("9.2-checkpoints", "Regular checkpoints saved", _checkpoints),
    Item("9.2-whole", "Checkpoints as they were written (each file hashed)", _whole),
    Item("9.2-random", "RNG states saved in checkpoints", _random_states),
    Item("9.2-log", "Logs written to file", lambda run: needs("logs/train.log" in run.files, "logs/train.log is missing or empty")),
    Item("9.3-ended", "The run has ended", _ended),
    Item("9.3-summary", "Summary generated (JSON)", lambda run: needs(bool(run.told), "summary.json is missing or damaged")),
    Item("9.3-plots", "Key plots saved (loss curve, memory profile)", _plots),
    Item("9.3-compared", "Results compared to hypothesis", _concluded),
    Item("9.3-next", "Next steps documented", lambda run: needs(bool(run.sections.get("Next Steps")), "summary.md has none")),
    Item("9.3-pushed", "Code pushed to git", _pushed, required=False),
    Item("9.3-finished", "Wandb run marked as finished", _synced, required=False),
    Item("12.2-summary", "summary.md created and complete", _page),
    Item("12.2-metrics", "All key metrics logged", _key_metrics),
    Item("12.2-conclusion", "Hypothesis and conclusion documented", _concluded),
    Item("12.2-baseline", "Comparison to baseline", _baseline),
    Item("12.2-plots", "Plots saved and labeled", _plots),
    Item("12.2-config", "Config saved", _config),
    Item(
        "12.2-reproduced",
        "Reproducibility verified (if critical)",
        lambda _: for_people("the same command in an empty results folder gives the same SHA-256 of final/model.safetensors"),
        required=False,
    ),
]
# A single run has no sweep that could compare it.
_OF_A_SWEEP = ("12.2-baseline",)
SINGLE_RUN_ITEMS = [item for item in RUN_ITEMS if item.id not in _OF_A_SWEEP]
