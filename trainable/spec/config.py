"""The structured configuration of one run: one dataclass per group, one field per key.

A run is a preset plus dotted overrides (``optimizer.lr=3e-4``); `compose` builds a `RunConfig` from them.
`None` always means "not given"; the field's help says what then holds.
"""

from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any

AUTO, OFF = "auto", "off"
# Each lane has a small process of its own beside its worker's.
MOST_LANES = 64


def option(default: Any, help_text: str, unit: str = "") -> Any:
    """A dataclass field that carries its own documentation (used by the error texts and the reference)."""
    metadata = {"help": help_text, "unit": unit}
    if isinstance(default, (list, dict)):
        return field(default_factory=lambda: type(default)(default), metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass
class ModelConfig:
    name: str = option("tiny", "preset name, used in tags and experiment ids")
    architecture: str = option("transformer_lm", "key of trainable.model.MODELS")
    pretrained: str | None = option(
        None, "weights to start from: a Hugging Face name, a local folder of one, or an exported run; its own shape then holds"
    )
    pretraining: list[str] | None = option(
        None, "overrides of a run that trains this model first, such as ['training.max_steps=400']; its weights are what is started from"
    )
    vocab_size: int = option("${data.vocab_size}", "rows of the embedding; at least the tokenizer's", "tokens")
    context_length: int = option(64, "longest sequence seen at once", "tokens")
    d_model: int = option(128, "residual width")
    num_layers: int = option(4, "transformer blocks")
    num_heads: int = option(4, "query heads; must divide d_model")
    num_kv_heads: int | None = option(None, "key/value heads (grouped-query); None: num_heads")
    d_ff: int = option(344, "hidden width of the feed-forward layer")
    rope_theta: float = option(10000.0, "base of the rotary frequencies (transformer_lm)")
    norm_eps: float = option(1e-5, "epsilon of RMSNorm or LayerNorm")
    tied_embeddings: bool = option(False, "share the token embedding with the output head")
    dropout: float = option(0.0, "dropout probability in training")


@dataclass
class OptimizerConfig:
    """Fields that an optimizer does not know stay None in its preset, and setting them is refused."""

    name: str = option("adamw", "key of trainable.optim.OPTIMIZERS")
    lr: float = option(3e-3, "peak learning rate (relative for adafactor)")
    weight_decay: float = option(0.1, "decoupled decay, on matrices only")
    betas: list[float] | None = option(None, "decay of the first and second moment")
    eps: float | None = option(None, "added to the root of the second moment")
    momentum: float | None = option(None, "momentum (sgd, muon)")
    beta2_decay: float | None = option(None, "exponent of the second moment's decay (adafactor)")
    clip_threshold: float | None = option(None, "largest root-mean-square of an update (adafactor)")
    paged: bool | None = option(None, "let CUDA page large states out to the host's memory (adam8bit, lion8bit); no effect on a CPU")
    bits_m: int | None = option(None, "bits of the stored momentum, 8 or 4 (hybrid)", "bits")
    precision: str | None = option(
        None, "fixed; or adaptive: 8 bits for the most delicate tensors, and for more of them when needed (hybrid)"
    )
    error_threshold: float | None = option(None, "relative error of the stored momentum above which a tensor goes to 8 bits (hybrid)")


@dataclass
class ScheduleConfig:
    name: str = option("cosine", "key of trainable.optim.SCHEDULES")
    warmup_steps: int = option(0, "linear warm-up from 0", "steps")
    min_lr_ratio: float = option(0.1, "floor as a share of the peak learning rate")
    decay_fraction: float = option(0.2, "share of the run in which wsd decays")


@dataclass
class AdapterConfig:
    """Fields that an adapter does not know stay None in its preset, and setting them is refused."""

    name: str = option("none", "key of trainable.adapters.ADAPTERS")
    rank: int | None = option(None, "rank r of a layer's update B A (lora, sublora); 0: all weights move in the subspace (sublora)")
    alpha: float | None = option(None, "the update is multiplied by alpha / rank; None: tied to the rank by alpha_factor (lora, sublora)")
    alpha_factor: float | None = option(None, "alpha as a multiple of the rank, where alpha is not given (lora, sublora)")
    dropout: float | None = option(None, "dropout probability before A, in training (lora, sublora)")
    target_modules: list[str] | None = option(None, "linear layers that are adapted, by the end of their names (lora, sublora)")
    intrinsic_dim: int | None = option(None, "numbers d that are trained in place of the weights; 0: the weights themselves (sublora)")
    projector: str | None = option(None, "key of trainable.adapters.subspace.registry.PROJECTORS (sublora)")
    projector_seed: int | None = option(None, "seed of the projection, the same for every training.seed (sublora)")
    allocation: str | None = option(None, "how the d numbers are shared out: uniform, fixed or learned (sublora)")
    allocation_ratio: float | None = option(None, "share of the d numbers that goes to B; with allocation=fixed only (sublora)")
    gate_lr: float | None = option(None, "peak learning rate of the gates of allocation=learned; follows the schedule (sublora)")


@dataclass
class DataConfig:
    name: str = option("stdlib", "key of trainable.data.DATASETS")
    root: str = option("data", "folder of raw and processed data sets")
    path: str | None = option(None, "text file or folder (data=text)")
    document_separator: str = option("auto", "what parts documents in one text file; auto: <|endoftext|> if present, else blank lines")
    tokenizer: str = option("bpe", "bpe: a byte-level BPE trained on the training split; else a folder with vocab.json and merges.txt")
    vocab_size: int = option(1024, "size of the trained vocabulary, or of the given one", "tokens")
    val_fraction: float = option(0.05, "share of documents held out for validation")
    test_fraction: float = option(0.05, "share of documents held out for the test")
    split_seed: int = option(2357, "seed of the split by document")
    max_documents: int | None = option(None, "use only the first documents; None: all", "documents")
    word_length: int | None = option(None, "length of a word (data=capitalization)", "letters")
    hub_path: str | None = option(None, "Hugging Face data set (hub data sets)")
    hub_config: str | None = option(None, "its configuration")
    text_column: str = option("text", "its text column")
    ood_path: str | None = option(None, "prepared data set folder for test/ood_perplexity")


@dataclass
class TrainingConfig:
    max_steps: int = option(400, "optimizer steps of a full run", "steps")
    batch_size: int = option(8, "global batch = micro batch x accumulation x ranks", "sequences")
    micro_batch_size: int | None = option(None, "sequences per forward pass and rank; None: the whole share", "sequences")
    grad_clip: float = option(1.0, "largest global gradient norm; 0: off")
    seed: int = option(42, "seed of weights, batches and dropout")
    eval_interval: int = option(40, "steps between evaluations", "steps")
    eval_batches: int = option(8, "validation batches per evaluation", "batches")
    test_batches: int = option(32, "test batches at the end; 0: no test", "batches")
    log_interval: int = option(10, "steps between logged training metrics", "steps")
    checkpoint_interval: int | None = option(None, "steps between checkpoints, a multiple of eval_interval; None: eval_interval", "steps")
    keep_checkpoints: int = option(3, "newest checkpoints kept while running")
    precision: str = option("auto", "fp32, bf16 (autocast), or auto: bf16 on GPUs that have it")
    compile: bool = option(False, "torch.compile model and loss as one graph; the first run of a shape on a machine pays for it")
    cuda_graphs: bool = option(
        False,
        "start all kernels of a forward and backward pass by one call, for models so small that a GPU waits for Python; a run of one"
        " process; no effect on a CPU",
    )
    probes: list[str] = option([], "keys of trainable.probes.PROBES, measured beside evaluations; they change no bit of the training")
    probe_interval: int | None = option(None, "steps between probes, a multiple of eval_interval; None: every evaluation", "steps")
    device: str = option("auto", "auto, cpu or cuda")
    num_threads: int | None = option(None, "CPU threads; None: the trial's CPUs", "threads")


@dataclass
class BoundsConfig:
    """Bounds never change a bit of the training; they are measured on a copy of the best checkpoint's weights."""

    enabled: bool = option(False, "measure PAC-Bayes bounds when the run is complete; the last step has to fit trial_timeout_seconds")
    level_of_independence: str = option("document", "what the bound counts as independent: document, sequence or token")
    samples: int | None = option(10_000, "documents or sequences drawn with replacement; None, or as many as there are: each once")
    epsilon: float = option(0.05, "probability with which a bound may fail")
    quantisation: str = option("uniform", "uniform bins, or kmeans")
    levels: int = option(11, "levels that trained numbers are rounded to, odd")
    quantisation_aware_steps: int = option(0, "steps of quantisation-aware fine-tuning; the codebook then takes 32 bits an entry", "steps")
    quantisation_lr: float = option(5e-5, "its learning rate")
    window_shift: int | None = option(
        None, "how far the context moves on in a longer document; None: 100, or half a context if that is less", "tokens"
    )
    num_candidates: int = option(1, "runs that the reported one is picked from: the bound pays ceil(log2) bits for the choice", "runs")


@dataclass
class TrackingConfig:
    wandb: str = option("offline", "offline, online or off")
    tensorboard: bool = option(False, "also write TensorBoard event files")
    mlflow: str = option("off", "off, files (mlruns/ in the results folder) or the address of an MLflow server")
    plots: bool = option(True, "draw plots/*.png when the run ends")
    project: str = option("efficient-optimization-research", "wandb project")
    group: str | None = option(None, "wandb group; None: the sweep's name or the experiment's")
    notes: str = option("", "free text kept with the run")
    tags: list[str] = option([], "further tags beside phase, model, optimizer, dataset, paper and status")


@dataclass
class ExperimentConfig:
    phase: str = option("baseline", "baseline, quantization, lowrank, hybrid, scaling or theory")
    category: str = option("adam", "aspect under test")
    description: str | None = option(None, "key variant; None: model and data set")
    variant: str | None = option(None, "detail that tells runs apart; None: the learning rate")
    paper: str | None = option(None, "paper this belongs to, such as paper1")
    hypothesis: str = option("", "what is expected, written down before the run")
    results_dir: str = option("results", "folder of runs, sweeps and archives")


@dataclass
class ResourcesConfig:
    cpus_per_trial: float = option(1.0, "CPUs a trial reserves", "CPUs")
    gpus_per_trial: int | float | str = option(
        0.0, "GPUs a trial reserves, or a share of one; auto: the share that its predicted memory needs, so that trials are packed", "GPUs"
    )
    workers_per_trial: int | None = option(
        None, "processes that train one trial together, each with its share of the trial's CPUs and GPUs; None: one per GPU"
    )
    parallel: str = option(
        "ddp",
        "how the processes of a trial share its work: ddp, each with the whole model; or fsdp, each with a shard of weights, gradients and"
        " optimizer state, for a model that does not fit one GPU",
    )
    fuse: int | str = option(
        "off",
        "trials of one shape that one worker trains together, as lanes of one process: off, a number, or auto (as many as a measurement at"
        " the start says pays); their numbers are those of trials alone up to the order of float sums",
        "trials",
    )
    max_concurrent_trials: int | None = option(None, "trials at once; None: what the machine holds")
    max_failures: int = option(2, "times a trial that failed is run again")
    storage: str | None = option(
        None, "URL (s3://bucket/folder, gs://, file://) where workers keep run directories, when they share no file system with the driver"
    )
    trial_timeout_seconds: float = option(600.0, "a trial without progress for this long is ended and retried", "s")


@dataclass
class RunConfig:
    model: ModelConfig = field(default_factory=ModelConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)
    adapter: AdapterConfig = field(default_factory=AdapterConfig)
    data: DataConfig = field(default_factory=DataConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    bounds: BoundsConfig = field(default_factory=BoundsConfig)
    tracking: TrackingConfig = field(default_factory=TrackingConfig)
    experiment: ExperimentConfig = field(default_factory=ExperimentConfig)
    resources: ResourcesConfig = field(default_factory=ResourcesConfig)


GROUPS: dict[str, type] = {f.name: f.type for f in fields(RunConfig) if is_dataclass(f.type)}  # type: ignore[misc]
