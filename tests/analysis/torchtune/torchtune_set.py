"""A torchtune experiment set on disk, made from nothing: logs as SLURM and wandb print them, epochs with small adapters."""

import json
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

RANKS = {"1B_rank4": ("llama3_2_1b", 4, 0.00154, 0.02345), "1B_rank64": ("llama3_2_1b", 64, 0.00036, 0.02336)}


def run_log(
    epochs: int = 3, steps: int = 500, loss: float = 0.00154, val_loss: float | None = 0.02345, prefix: str = "", mark: str = "wandb"
) -> str:
    """What a whole run prints; `prefix` stands before wandb's lines, `mark` is the word that wandb begins them with."""
    lines = ["INFO:torchtune.utils._logging:Running LoRAFinetuneRecipeSingleDevice with resolved config:", ""]
    for epoch in range(1, epochs + 1):
        states = [(1, "00:01<08:19"), (steps // 2, "00:47<00:47"), (steps, "01:34<00:00")]
        bars = [
            f"{epoch}|{(epoch - 1) * steps + n}|Loss: {loss * 1.5}: {100 * n // steps:3d}%|###  | {n}/{steps} [{t}, 5.3it/s]"
            for n, t in states[:-1]
        ]
        last, clock = states[-1]
        bars.append(f"{epoch}|{epoch * steps}|Loss: {loss}: 100%|█████| {last}/{steps} [{clock},  5.33it/s]")
        lines.append("\r".join(bars))
    summary = {
        "global_step": epochs * steps,
        "loss": f"{loss:.5g}",
        "lr": "0.0",
        "peak_memory_active": "3.41",
        "tokens_per_second_per_gpu": "1224.3",
    }
    if val_loss is not None:
        summary["val_loss"] = f"{val_loss:.5g}"
    block = [
        "",
        "Run history:",
        f"{'loss':>25} █▄▁",
        "",
        "Run summary:",
        *(f"{key:>25} {value}" for key, value in summary.items()),
        "+9 ...",
        "",
        "Synced",
    ]
    lines += [f"{prefix}{mark}: {line}".rstrip() for line in block]
    return "\n".join(lines) + "\n"


def epoch(folder: Path, rank: int, damage: str = "") -> None:
    """One epoch's directory with all its files."""
    folder.mkdir(parents=True)
    tensors = {"q_proj.lora_a.weight": np.zeros((rank, 16), np.float32), "q_proj.lora_b.weight": np.zeros((16, rank), np.float32)}
    save_file(tensors, folder / "adapter_model.safetensors")
    save_file({"embed.weight": np.zeros((64, 16), np.float16)}, folder / "model-00001-of-00001.safetensors")
    (folder / "adapter_model.pt").write_bytes(b"PK\x03\x04" + bytes(50))
    (folder / "adapter_config.json").write_text(json.dumps({"r": rank, "base_model_name_or_path": "meta-llama/Llama-3.2-1B-Instruct"}))
    (folder / "tokenizer.model").write_bytes(b"tokens")
    if damage == "cut":
        content = (folder / "adapter_model.safetensors").read_bytes()
        (folder / "adapter_model.safetensors").write_bytes(content[:-8])
    elif damage == "empty":
        (folder / "adapter_model.pt").write_bytes(b"")


def experiment(folder: Path, *, model: str, rank: int, loss: float, val_loss: float | None, epochs: int = 3, job: int = 123) -> Path:
    for number in range(epochs):
        epoch(folder / f"epoch_{number}", rank)
    config = f"model:\n  _component_: torchtune.models.llama3_2.lora_{model}\n  lora_rank: {rank}\nepochs: 3\n"
    (folder / "finetune.yaml").write_text(config)
    (folder / f"slurm-{job}.out").write_text(run_log(3, 500, loss, val_loss))
    (folder / "eval.py").write_text("# evaluates\n")
    offline = folder / "logs" / "wandb" / "offline-run-20251018_120000-abcd1234"
    (offline / "files").mkdir(parents=True)
    (offline / "run-abcd1234.wandb").write_bytes(b":W&B\xe1\xbe\x00")
    return folder


def experiment_set(root: Path) -> Path:
    """Two whole experiments, and a directory that is none."""
    path = root / "cap_8L_llama32_lora_comparison_2025-10-18"
    for job, (name, (model, rank, loss, val_loss)) in enumerate(RANKS.items(), 100):
        experiment(path / name, model=model, rank=rank, loss=loss, val_loss=val_loss, job=job)
    (path / "notes").mkdir()
    return path
