"""Do 8 bits, 4 bits or a factored second moment match Adam, and what do they save? Every optimizer with its own best rate.

The baseline is AdamW, because the quantised forms decouple their decay too and share its betas: the state is what differs.
"""

from dataclasses import replace

from search_spaces.optimizer import LEARNING_RATES, LEARNING_RATES_OF_GPT2, optimizers
from sweeps.runner.cli import main
from sweeps.runner.settings import ConfirmSection, ExploreSection, SchedulerSection, Settings
from sweeps.runner.sweep import Sweep
from trainable.spec.statement import Claim

OTHERS = [name for name in LEARNING_RATES if name != "adamw"]
LARGEST_STATE = {"adam8bit": 0.26, "adam4bit": 0.14, "hybrid8": 0.14}

SWEEP = Sweep(
    name="optimizer_comparison",
    hypothesis="Quantised and factored optimizer states match a tuned AdamW within 1 % perplexity, at a fraction of its memory and speed.",
    space=optimizers(LEARNING_RATES),
    baseline={"optimizer": "adamw"},
    claims=[
        *(Claim(f"{o}: perplexity at most 1 % above AdamW's.", 0.01, "eval/perplexity", {"optimizer": o}) for o in OTHERS),
        *(
            Claim(f"{o}: optimizer state at most {share:.0%} of AdamW's.", share - 1, "optimizer_state_bytes", {"optimizer": o})
            for o, share in LARGEST_STATE.items()
        ),
        *(
            Claim(f"{o}: throughput at least 95 % of AdamW's.", 0.05, "time/tokens_per_sec", {"optimizer": o}, higher_is_better=True)
            for o in LARGEST_STATE
        ),
    ],
    base=["model=tiny", "schedule=cosine", "schedule.warmup_steps=10", "training.max_steps=200", "training.eval_interval=20"],
    settings=Settings(
        explore=ExploreSection(per="optimizer"),
        # Three rates for each optimizer are too few to stop any of them by comparison with the others.
        scheduler=SchedulerSection(name="fifo"),
        confirm=ConfirmSection(finalists=1),
    ),
)
SWEEP = replace(
    SWEEP,
    full=replace(
        SWEEP,
        space=optimizers(LEARNING_RATES_OF_GPT2),
        base=["experiment=optimizers_gpt2_small"],
        settings=replace(SWEEP.settings, scheduler=SchedulerSection(grace_steps=1000, reduction_factor=2)),
    ),
)

if __name__ == "__main__":
    main(SWEEP)
