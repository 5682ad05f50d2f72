"""Which share of a SubLoRA's budget should go to A, and which to B? Fixed shares, learned gates, and the bounds that come out.

By default on the capitalization task, whose many short documents leave bounds below guessing on two CPU cores; the head counts as one
group of layers. Every run pays for the 30 of which the best may be reported.
"""

from dataclasses import replace

from search_spaces.subspace import BUDGETS, allocations, fixed, learned, uniform
from sweeps.runner.cli import main
from sweeps.runner.settings import ExploreSection, Settings, SweepSection
from sweeps.runner.sweep import Sweep
from trainable.spec.statement import Claim

BOUND = "bounds/bound_value"
GATES = {"gates/deviation": ("are 0.05 or more away from 0.5", 0.05), "gates/depth_correlation": ("correlate with depth, 0.3 or more", 0.3)}

SWEEP = Sweep(
    name="subspace_allocation",
    hypothesis="Unequal shares of A and B give lower bounds than equal ones; learned gates leave the equal share, and change with depth.",
    space=allocations(*BUDGETS),
    baseline=uniform(1000),
    claims=[
        *(
            Claim(f"d = {d}: {ratio:.0%} to B bounds the loss lower than 50%.", metric=BOUND, cell=fixed(d, ratio), against=fixed(d, 0.5))
            for d in BUDGETS
            for ratio in (0.2, 0.8)
        ),
        *(
            Claim(f"d = {d}: learned gates {what}.", metric=metric, cell=learned(d), away_from=0.0, min_distance=least)
            for d in BUDGETS
            for metric, (what, least) in GATES.items()
        ),
    ],
    base=[
        *["model=tiny", "model.num_layers=8", "model.d_model=64", "model.d_ff=176"],
        *["adapter=sublora", "adapter.rank=8", "adapter.gate_lr=0.05"],
        *["data=capitalization", "data.word_length=4", "data.max_documents=100000"],
        *["optimizer.lr=5e-2", "optimizer.weight_decay=1e-2", "schedule.warmup_steps=10"],
        *["training.max_steps=200", "training.test_batches=8"],
        *["bounds=document", "bounds.samples=2000", "bounds.num_candidates=30"],
    ],
    settings=Settings(sweep=SweepSection(seeds=[42, 123, 999], metric=[BOUND]), explore=ExploreSection(enabled=False)),
)
SWEEP = replace(SWEEP, full=replace(SWEEP, base=["experiment=sublora_openwebtext", "bounds.num_candidates=30"]))

if __name__ == "__main__":
    main(SWEEP)
