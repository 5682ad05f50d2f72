"""Which rank does a low-rank adapter need? On the capitalization task, where the answer is known for every word."""

from dataclasses import replace

from search_spaces.lora_rank import LORA_RANK
from sweeps.runner.cli import main
from sweeps.runner.settings import ExploreSection, Settings
from sweeps.runner.sweep import Sweep
from trainable.spec.statement import Claim

SWEEP = Sweep(
    name="lora_rank_ablation",
    hypothesis="Rank 64 lowers the validation loss of rank 4 by 1 % or more; rank 16 is already within 1 % of rank 64's gain.",
    space=LORA_RANK,
    baseline={"adapter.rank": 4},
    claims=[
        Claim("Rank 64 lowers the validation loss of rank 4 by 1 %.", -0.01, cell={"adapter.rank": 64}),
        Claim("Rank 16 lowers the validation loss of rank 4 by 1 %.", -0.01, cell={"adapter.rank": 16}),
    ],
    base=[
        "model=tiny",
        "adapter=lora",
        "adapter.target_modules=[q_proj,v_proj,output_proj,w1,w2,w3]",
        "data=capitalization",
        "optimizer.lr=1e-2",
        "schedule.warmup_steps=10",
        "training.max_steps=160",
    ],
    settings=Settings(explore=ExploreSection(enabled=False)),
)
SWEEP = replace(SWEEP, full=replace(SWEEP, base=[*SWEEP.base, "model=llama-1b", "optimizer.lr=2e-4", "training.max_steps=5000"]))

if __name__ == "__main__":
    main(SWEEP)
