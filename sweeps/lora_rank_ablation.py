"""Which rank does a low-rank adapter need, in models of two sizes? On the capitalization task, where the answer is known for every word."""

from dataclasses import replace

from search_spaces.lora_rank import lora_ranks
from sweeps.runner.cli import main
from sweeps.runner.settings import ExploreSection, Settings
from sweeps.runner.sweep import Sweep
from trainable.spec.statement import Claim


def claims(smaller: str, larger: str) -> list[Claim]:
    """Against rank 4 in the smaller model."""
    return [
        Claim(f"Rank 64 lowers the loss of rank 4 in {smaller} by 1 %.", -0.01, cell={"model": smaller, "adapter.rank": 64}),
        Claim(f"Rank 16 lowers the loss of rank 4 in {smaller} by 1 %.", -0.01, cell={"model": smaller, "adapter.rank": 16}),
        Claim(f"At rank 4, {larger} lowers the loss of {smaller} by 1 %.", -0.01, cell={"model": larger, "adapter.rank": 4}),
    ]


SWEEP = Sweep(
    name="lora_rank_ablation",
    hypothesis="A higher rank and a larger model both lower the loss of the capitalization task.",
    space=lora_ranks("micro", "tiny"),
    baseline={"model": "micro", "adapter.rank": 4},
    claims=claims("micro", "tiny"),
    base=[
        "adapter=lora",
        "adapter.target_modules=[q_proj,v_proj,output_proj,w1,w2,w3]",
        "data=capitalization",
        "model.context_length=64",
        "optimizer.lr=1e-2",
        "schedule.warmup_steps=10",
        "training.max_steps=160",
    ],
    settings=Settings(explore=ExploreSection(enabled=False)),
)
SWEEP = replace(
    SWEEP,
    full=replace(
        SWEEP,
        space=lora_ranks("llama-1b", "llama-3b"),
        baseline={"model": "llama-1b", "adapter.rank": 4},
        claims=claims("llama-1b", "llama-3b"),
        base=["experiment=lora_capitalization"],
    ),
)

if __name__ == "__main__":
    main(SWEEP)
