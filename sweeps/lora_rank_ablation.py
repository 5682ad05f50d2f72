"""Which rank does a low-rank adapter need, in models of two sizes? On the capitalization task, where the answer is known for every word."""

from dataclasses import replace

from search_spaces.lora_rank import lora_ranks
from sweeps.runner.cli import main
from sweeps.runner.settings import ExploreSection, Settings
from sweeps.runner.sweep import Sweep
from trainable.spec.statement import Claim

SWEEP = Sweep(
    name="lora_rank_ablation",
    hypothesis="A higher rank and a larger model both lower the loss of the capitalization task.",
    space=lora_ranks("micro", "tiny"),
    baseline={"model": "micro", "adapter.rank": 4},
    claims=[
        Claim("Rank 64 lowers the loss of rank 4 by 1 % in the smaller model.", -0.01, cell={"model": "micro", "adapter.rank": 64}),
        Claim("Rank 16 lowers the loss of rank 4 by 1 % in the smaller model.", -0.01, cell={"model": "micro", "adapter.rank": 16}),
        Claim("At rank 4 the larger model lowers the loss by 1 %.", -0.01, cell={"model": "tiny", "adapter.rank": 4}),
    ],
    # A base that knows text by its bytes, from which the adapters learn the task.
    base=[
        'model.pretraining=["data=stdlib","data.vocab_size=257","optimizer.lr=1e-2","schedule.warmup_steps=20","training.max_steps=400"]',
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
        claims=[
            Claim("Rank 64 lowers the loss of rank 4 by 1 % in the 1B model.", -0.01, cell={"model": "llama-1b", "adapter.rank": 64}),
            Claim("Rank 16 lowers the loss of rank 4 by 1 % in the 1B model.", -0.01, cell={"model": "llama-1b", "adapter.rank": 16}),
            Claim("At rank 4 the 3B model lowers the loss by 1 %.", -0.01, cell={"model": "llama-3b", "adapter.rank": 4}),
        ],
        base=["experiment=lora_capitalization"],
    ),
)

if __name__ == "__main__":
    main(SWEEP)
