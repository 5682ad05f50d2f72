"""Rules between the values of one run: pure, no torch; each broken rule is one sentence with the value and the rule."""

from collections.abc import Iterator

from trainable.spec.config import AUTO, MOST_LANES, OFF, BoundsConfig, ResourcesConfig, RunConfig, TrainingConfig
from trainable.spec.experiment_id import PHASES
from trainable.spec.mistakes import unknown
from trainable.spec.storage.place import is_url, place_mistakes

UINT32_VOCABULARY = 2**32
LEVELS_OF_INDEPENDENCE = ("document", "sequence", "token")
QUANTISATION_NAMES = ("uniform", "kmeans")
PARALLEL_NAMES = ("ddp", "fsdp")


def run_mistakes(config: RunConfig) -> list[str]:
    """Every broken rule between and within groups that needs no knowledge of a single model, optimizer or data set."""
    return [
        *_model_mistakes(config),
        *_training_mistakes(config.training),
        *_data_mistakes(config),
        *_bounds_mistakes(config.bounds, config.model.context_length),
        *_choice_mistakes(config),
        *_resource_mistakes(config),
    ]


def _positive(path: str, section: object, names: str) -> Iterator[str]:
    for name in names.split():
        value = getattr(section, name)
        if value is not None and not value > 0:
            yield f"{path}.{name}={value} must be above 0"


def _model_mistakes(config: RunConfig) -> Iterator[str]:
    model = config.model
    yield from _positive("model", model, "vocab_size context_length d_model num_layers num_heads num_kv_heads d_ff rope_theta norm_eps")
    if not 0.0 <= model.dropout < 1.0:
        yield f"model.dropout={model.dropout} must lie in [0, 1)"
    if model.num_heads > 0 and model.d_model % model.num_heads:
        yield f"model.d_model={model.d_model} must be divisible by model.num_heads={model.num_heads}"
    elif model.architecture == "transformer_lm" and model.num_heads > 0 and (model.d_model // model.num_heads) % 2:
        yield f"model.d_model / model.num_heads = {model.d_model // model.num_heads} must be even for rotary positions"
    heads = model.num_kv_heads
    if heads and heads > 0 and model.num_heads % heads:
        yield f"model.num_heads={model.num_heads} must be divisible by model.num_kv_heads={heads}"
    if model.vocab_size < config.data.vocab_size:
        yield f"model.vocab_size={model.vocab_size} must be at least data.vocab_size={config.data.vocab_size}, or tokens have no embedding"


def _training_mistakes(training: TrainingConfig) -> Iterator[str]:
    yield from _positive(
        "training", training, "max_steps batch_size micro_batch_size eval_interval eval_batches log_interval checkpoint_interval"
    )
    yield from _positive("training", training, "keep_checkpoints num_threads probe_interval")
    micro = training.micro_batch_size
    if micro and micro > 0 and training.batch_size % micro:
        yield f"training.batch_size={training.batch_size} must be divisible by training.micro_batch_size={micro}"
    for name in ("checkpoint_interval", "probe_interval"):
        interval = getattr(training, name)
        if interval and training.eval_interval > 0 and interval % training.eval_interval:
            yield f"training.{name}={interval} must be a multiple of training.eval_interval={training.eval_interval}"
    if training.seed < 0 or training.seed >= 2**32:
        yield f"training.seed={training.seed} must lie in [0, 2**32)"
    if not training.grad_clip >= 0:
        yield f"training.grad_clip={training.grad_clip} must be at least 0 (0: off)"
    if training.test_batches < 0:
        yield f"training.test_batches={training.test_batches} must be at least 0"


def _data_mistakes(config: RunConfig) -> Iterator[str]:
    data = config.data
    for name in ("val_fraction", "test_fraction"):
        if not 0 < getattr(data, name) < 1:
            yield f"data.{name}={getattr(data, name)} must lie in (0, 1)"
    if data.val_fraction + data.test_fraction >= 1:
        yield f"data.val_fraction + data.test_fraction = {data.val_fraction + data.test_fraction} leaves nothing to train on"
    if not 0 < data.vocab_size <= UINT32_VOCABULARY:
        yield f"data.vocab_size={data.vocab_size} must lie in [1, {UINT32_VOCABULARY}]"
    elif data.tokenizer == "bpe" and data.vocab_size < 257:
        yield f"data.vocab_size={data.vocab_size} must be at least 257: 256 bytes and the end-of-text token"
    yield from _positive("data", data, "max_documents")


def _bounds_mistakes(bounds: BoundsConfig, context_length: int) -> Iterator[str]:
    yield from _positive("bounds", bounds, "samples quantisation_lr window_shift num_candidates")
    if not 0 < bounds.epsilon < 1:
        yield f"bounds.epsilon={bounds.epsilon} must lie in (0, 1)"
    if bounds.levels < 3 or bounds.levels % 2 == 0:
        yield f"bounds.levels={bounds.levels} must be odd and at least 3, so that one level stands for what is near 0"
    if bounds.quantisation_aware_steps < 0:
        yield f"bounds.quantisation_aware_steps={bounds.quantisation_aware_steps} must be at least 0"
    if bounds.window_shift is not None and bounds.window_shift > context_length:
        yield f"bounds.window_shift={bounds.window_shift} must be at most model.context_length={context_length}, or tokens are left out"


def _choice_mistakes(config: RunConfig) -> Iterator[str]:
    one_of = {
        "training.precision": (config.training.precision, ("auto", "fp32", "bf16")),
        "training.device": (config.training.device, ("auto", "cpu", "cuda")),
        "tracking.wandb": (config.tracking.wandb, ("offline", "online", "off")),
        "bounds.level_of_independence": (config.bounds.level_of_independence, LEVELS_OF_INDEPENDENCE),
        "bounds.quantisation": (config.bounds.quantisation, QUANTISATION_NAMES),
        "experiment.phase": (config.experiment.phase, PHASES),
        "resources.parallel": (config.resources.parallel, PARALLEL_NAMES),
    }
    for key, (value, known) in one_of.items():
        if value not in known:
            yield unknown(key, value, known)
    store = config.tracking.mlflow
    if store not in ("off", "files") and not (store.startswith(("http://", "https://")) and "@" not in store):
        yield "tracking.mlflow must be off, files or a server's http(s) address, whose user and password MLflow takes from the environment"
    if not config.experiment.results_dir.strip():
        yield "experiment.results_dir is empty; it must name a folder, such as results"
    elif is_url(config.experiment.results_dir):
        yield f"experiment.results_dir={config.experiment.results_dir} must be a folder; runs are kept at a URL by resources.storage"


def _resource_mistakes(config: RunConfig) -> Iterator[str]:
    yield from _positive("resources", config.resources, "cpus_per_trial workers_per_trial max_concurrent_trials trial_timeout_seconds")
    gpus, failures = config.resources.gpus_per_trial, config.resources.max_failures
    if isinstance(gpus, str) and gpus != AUTO:
        yield f"resources.gpus_per_trial={gpus} must be a number or {AUTO}"
    elif not isinstance(gpus, str) and not gpus >= 0:
        yield f"resources.gpus_per_trial={gpus} must be at least 0"
    if failures < 0:
        yield f"resources.max_failures={failures} must be at least 0"
    yield from _storage_mistakes(config.resources.storage)
    yield from _fuse_mistakes(config)
    yield from _cuda_graph_mistakes(config)


def _fuse_mistakes(config: RunConfig) -> Iterator[str]:
    resources = config.resources
    fuse = resources.fuse
    if fuse == OFF:
        return
    if fuse != AUTO and (isinstance(fuse, str) or not 2 <= fuse <= MOST_LANES):
        yield f"resources.fuse={fuse} must be {OFF}, {AUTO} or a number from 2 to {MOST_LANES}"
    if _has_several_workers(resources):
        yield f"resources.fuse={fuse} puts several trials into one worker, and this trial has several workers: leave one of them out"
    if resources.storage is not None:
        yield f"resources.fuse={fuse} does not go with resources.storage: fused trials keep their runs in a folder that all machines see"


def _cuda_graph_mistakes(config: RunConfig) -> Iterator[str]:
    resources = config.resources
    if not config.training.cuda_graphs:
        return
    if _has_several_workers(resources):
        yield "training.cuda_graphs=true is for a trial of one process, and this trial has several workers: leave one of them out"
    if resources.fuse != OFF:
        yield (
            f"training.cuda_graphs=true and resources.fuse={resources.fuse} both have a GPU wait less for its kernels' starts, each in its"
            " own way: leave one of them out"
        )


def _has_several_workers(resources: ResourcesConfig) -> bool:
    return (resources.workers_per_trial or 1) > 1 or (not isinstance(resources.gpus_per_trial, str) and resources.gpus_per_trial > 1)


def _storage_mistakes(storage: str | None) -> Iterator[str]:
    if storage is None:
        return
    if not is_url(storage):
        yield f"resources.storage={storage} must be a URL, such as s3://bucket/folder; a folder that all see is experiment.results_dir"
    yield from place_mistakes(storage, "resources.storage")
