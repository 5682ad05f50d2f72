"""Every way to be wrong that we know: exit 2, what was given, the rule, what to write instead; no traceback, nothing written."""

import importlib
import os
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from trainable.spec.command import run_command

# A command line, and what has to stand in its answer: the value, the rule, and what to write instead.
LISTING = [
    ("sweeps lr_ablaton", ["'lr_ablaton'", "did you mean 'lr_ablation'?"]),
    ("sweeps results_of_mine", ["'results_of_mine'", "lr_ablation", "no results folder"]),
    ("sweeps --fast", ["unrecognized arguments: --fast"]),
    ("sweeps --watch", ["--watch", "expected one argument"]),
]
SWEEP_OPTIONS = [
    ("--drry-run", ["unrecognized arguments: --drry-run"]),
    ("--storage", ["--storage", "expected one argument"]),
    ("--storage a_file", ["experiment.results_dir=a_file", "cannot be written"]),
    ("--retry faild", ["'faild'", "did you mean 'failed'?"]),
    ("--retry running", ["'running'", "interrupted"]),
]
SETTINGS = [
    ("sweep.seeds=[]", ["sweep.seeds=[]", "at least one"]),
    ("sweep.seeds=[0,1]", ["explore.seed=0", "fresh seeds"]),
    ("sweep.seeds=[1,1]", ["sweep.seeds=[1, 1]", "different"]),
    ("sweep.seeds=[-1]", ["sweep.seeds=[-1]", "at least 0"]),
    ("sweep.confidence=95", ["sweep.confidence=95.0", "(0, 1)"]),
    ("sweep.scale=big", ["'big'", "full, small"]),
    ("metric=[]", ["sweep.metric=[]", "eval/loss"]),
    ("metric=eval/los", ["'eval/los'", "did you mean 'eval/loss'?"]),
    ("scheduler=asah", ["'asah'", "did you mean 'asha'?"]),
    ("scheduler.grace_steps=1000", ["scheduler.grace_steps=1000", "training.max_steps=400"]),
    ("scheduler.reduction_factor=1", ["scheduler.reduction_factor=1", "above 1"]),
    ("scheduler=pbt scheduler.quantile=0.9", ["scheduler.quantile=0.9", "0.5"]),
    ("searcher=optuna", ["'optuna'", "did you mean 'optuna-"]),
    ("searcher.startup_trials=-1", ["searcher.startup_trials=-1", "at least 1"]),
    ("explore.samples=0", ["explore.samples=0", "above 0"]),
    ("explore.per=model", ["'model'", "optimizer.lr"]),
    ("searcher=optuna-tpe explore.warm_start=[nowhere]", ["nowhere", "no ledger.jsonl"]),
    ("explore.warm_start=[empty_folder]", ["searcher=grid", "optuna-tpe"]),
    ("budget.minutes=-5", ["budget.minutes=-5", "above 0"]),
    ("budget.gpu_hours=none", ["budget.gpu_hours='none'", "Float"]),
    ("confirm.finalists=0", ["confirm.finalists=0", "above 0"]),
    ("training.seed=5", ["training.seed=5", "sweep.seeds"]),
    ("optimizer.lr=1e-3", ["optimizer.lr=1e-3", "search space"]),
    ("~optimizer", ["'~optimizer'", "set it instead"]),
    ("training.batch_size=8,16", ["training.batch_size=8,16", "search space"]),
    ("optimizer.lr", ["'optimizer.lr'", "key=value"]),
    ("optimizer.weight_decay=[1", ["'optimizer.weight_decay=[1'", "key=value"]),
]
KEYS_AND_PRESETS = [
    ("lr=0.1", ["'lr'", "did you mean 'optimizer.lr'?"]),
    ("optimizr=adam", ["'optimizr'", "did you mean 'optimizer'?"]),
    ("optimizer=adamm", ["'adamm'", "did you mean 'adam'?"]),
    ("experiment=baseline_tinystory", ["did you mean 'baseline_tinystories'?"]),
    ("+optimizer.learning_rate=1", ["'optimizer.learning_rate'", "did you mean"]),
    ("training.max_steps=0", ["training.max_steps=0", "above 0"]),
    ("training.max_steps=ten", ["training.max_steps='ten'", "Integer"]),
    ("training.batch_size=8 training.micro_batch_size=3", ["training.batch_size=8", "divisible by training.micro_batch_size=3"]),
    ("training.precision=fp8", ["'fp8'", "bf16"]),
    ("training.device=tpu", ["'tpu'", "did you mean 'cpu'?"]),
    ("training.probes=[hesian]", ["'hesian'", "did you mean 'hessian'?"]),
    ("model.num_heads=3", ["model.d_model=128", "divisible by model.num_heads=3"]),
    ("model.dropout=1.5", ["model.dropout=1.5", "[0, 1)"]),
    ("model=pretrained", ["model.pretrained is not given", "local folder"]),
    ("\"model.pretraining=['training.max_stepz=3']\"", ["'training.max_stepz'", "did you mean 'training.max_steps'?"]),
    ("adapter.rank=4", ["adapter.rank=4", "adapter=lora"]),
    ("adapter=lora adapter.target_modules=[foo]", ["'foo'", "q_proj"]),
    ("schedule.warmup_steps=1000", ["schedule.warmup_steps=1000", "training.max_steps=400"]),
    ("optimizer.momentum=0.5", ["optimizer.momentum=0.5", "adamw", "betas"]),
    ("optimizer.betas=[0.9]", ["optimizer.betas=[0.9]", "two numbers"]),
    ("tracking.wandb=true", ["'True'", "offline, online"]),
    ("experiment.phase=quantisation", ["did you mean 'quantization'?"]),
    ("experiment.results_dir=", ["experiment.results_dir is empty", "such as results"]),
]
DATA = [
    ("data=openwebtexts", ["'openwebtexts'", "did you mean 'openwebtext'?"]),
    ("data=text", ["data.path is not given", "data.path=FILE"]),
    ("data=text data.path=corpus.text", ["data.path=corpus.text", "did you mean 'corpus.txt'?"]),
    ("data=text data.path=binary.bin", ["data.path=binary.bin", "UTF-8"]),
    ("data=text data.path=empty.txt", ["data.path=empty.txt", "empty"]),
    ("data=text data.path=empty_folder", ["data.path=empty_folder", "no text file"]),
    ("data.path=corpus.txt", ["data.path=corpus.txt", "data=text"]),
    ("data.root=a_file", ["data.root=a_file", "written"]),
    ("data.tokenizer=nowhere", ["data.tokenizer=nowhere", "vocab.json"]),
    ("data.vocab_size=10", ["data.vocab_size=10", "257"]),
    ("data.val_fraction=0", ["data.val_fraction=0", "(0, 1)"]),
    ("data.ood_path=nowhere", ["data.ood_path=nowhere", "trainable.data.prepare"]),
]
ENVIRONMENT = [
    ("resources.cpus_per_trial=9999", ["resources.cpus_per_trial=9999", "this machine has"]),
    ("resources.gpus_per_trial=1024 training.batch_size=1024", ["resources.gpus_per_trial=1024", "this machine has"]),
    ("resources.gpus_per_trial=some", ["resources.gpus_per_trial=some", "auto"]),
    ("resources.workers_per_trial=0", ["resources.workers_per_trial=0", "above 0"]),
    ("resources.workers_per_trial=3", ["training.batch_size=8", "3 workers"]),
    ("resources.trial_timeout_seconds=0", ["resources.trial_timeout_seconds=0", "above 0"]),
    ("training.device=cuda", ["training.device=cuda", "resources.gpus_per_trial=0"]),
    ("experiment.results_dir=a_file/results", ["experiment.results_dir=a_file/results", "cannot be written"]),
]
RUNS = [
    ("trainable.train experiment.results_dir=a_file", ["experiment.results_dir=a_file", "cannot be written"]),
    ("trainable.train --resume nowhere", ["nowhere", "not a run directory"]),
    ("trainable.train --resume not_yaml", ["not_yaml/config.yaml", "cannot be read"]),
    ("trainable.train --resume not_text", ["not_text/config.yaml", "cannot be read"]),
    ("trainable.train --resume other_keys", ["'d_modle'"]),
    ("trainable.train --resume empty_folder optimizer.lr=1", ["leave the overrides out", "empty_folder"]),
    ("trainable.data.prepare --data text", ["unrecognized arguments: --data"]),
    ("trainable.data.prepare data=tex", ["'tex'", "did you mean 'text'?"]),
    ("trainable.evaluate", ["required: RUN_DIR"]),
    ("trainable.evaluate a_file", ["a_file", "not a run directory"]),
    ("trainable.evaluate no_checkpoints --checkpoint last", ["no_checkpoints", "last"]),
    ("trainable.evaluate no_checkpoints --batches x", ["--batches", "'x'"]),
    ("trainable.evaluate torn_checkpoint", ["torn_checkpoint/checkpoints/best"]),
    ("trainable.bounds no_checkpoints optimizer.lr=1", ["optimizer.lr=1", "bounds.<key>=value"]),
    ("trainable.bounds no_checkpoints", ["no_checkpoints/checkpoints/best"]),
    ("trainable.export no_checkpoints --format onnx", ["'onnx'", "merged"]),
    ("trainable.export nowhere --format merged --out a_file", ["--out a_file", "choose another folder"]),
    ("trainable.landscape no_checkpoints --points 4", ["--points 4", "odd"]),
    ("trainable.profile_memory optimizer=adm", ["'adm'", "did you mean 'adam'?"]),
]
ANALYSIS = [
    ("analysis", ["summarize", "required"]),
    ("analysis sumarize x", ["'sumarize'", "did you mean 'summarize'?"]),
    ("analysis summarize nowhere", ["'nowhere'", "does not exist"]),
    ("analysis report empty_folder", ["'empty_folder'", "sweep.json is missing"]),
    ("analysis compare empty_folder --metric eval/los", ["'eval/los'", "did you mean 'eval/loss'?"]),
    ("analysis figures empty_folder --only loss_curve", ["'loss_curve'", "did you mean 'loss_curves'?"]),
    ("analysis tables empty_folder --only result", ["'result'", "did you mean 'results'?"]),
    ("analysis archive empty_folder", ["--paper"]),
    ("analysis archive empty_folder --paper ../x", ["'../x'", "such as paper1-characterization"]),
    ("analysis archive empty_folder --paper p --move --no-checkpoints", ["--move", "give one of them"]),
    ("analysis archive empty_folder --paper p --tar rar", ["'rar'", "zst"]),
    ("analysis verify a_file", ["'a_file'", ".tar.gz"]),
    ("analysis restore target", ["ARCHIVE is missing", "--from"]),
    ("analysis restore --from s4://bucket target", ["'s4'", "s3"]),
    ("analysis backup empty_folder --to a_file", ["--to 'a_file'", "folder"]),
    ("analysis backup empty_folder --to s3://name:secret@bucket/x", ["credentials", "AWS_ACCESS_KEY_ID"]),
    ("analysis backup nowhere --to there", ["'nowhere'", "does not exist"]),
    ("analysis verify empty_folder", ["'empty_folder' is no archive", "bagit.txt", "results/archive/<paper>"]),
    ("analysis verify nowhere.tar.gz", ["'nowhere.tar.gz'", "does not exist"]),
    ("analysis verify no.tar.gz", ["'no.tar.gz' is no archive", "first bytes"]),
    ("analysis restore empty_folder target", ["'empty_folder' is no archive", "bagit.txt"]),
    ("analysis restore no.tar target", ["'no.tar' is no archive", "first bytes"]),
    ("analysis restore no.tar.zst a_file", ["'no.tar.zst' is no archive", "TARGET 'a_file' is a file"]),
    ("analysis reproduce empty_folder", ["'empty_folder' is no archive", "bagit.txt"]),
    ("analysis reproduce of_another_program", ["'of_another_program'", "reproduce.py"]),
    ("analysis reproduce no.tar.gz", ["'no.tar.gz'", "restore the archive first"]),
    ("analysis check empty_folder", ["'empty_folder'", "no run, no sweep and no archive"]),
    ("analysis find --tag x --in nowhere", ["--in 'nowhere'"]),
]
CLUSTER = [
    ("sweeps.cluster rende", ["'rende'", "'render'"]),
    ("sweeps.cluster render --provider azur", ["'azur'", "'aws'"]),
    ("sweeps.cluster render --provider local", ["--head is missing"]),
    ("sweeps.cluster render --min-workers 9 --max-workers 2", ["--min-workers 9", "--max-workers 2"]),
    ("sweeps.cluster slurm lr_ablaton", ["'lr_ablaton'", "did you mean 'lr_ablation'?"]),
    ("sweeps.cluster slurm lr_ablation --nodes 0", ["--nodes 0", "at least 1"]),
]
OF_A_SWEEP = [*SWEEP_OPTIONS, *SETTINGS, *KEYS_AND_PRESETS, *DATA, *ENVIRONMENT]
CASES = [*LISTING, *((f"sweeps.lr_ablation {words}", parts) for words, parts in OF_A_SWEEP), *RUNS, *ANALYSIS, *CLUSTER]


def test_there_are_many_cases_and_each_is_one() -> None:
    lines = [line for line, _ in CASES]
    assert len(lines) >= 60
    assert len(set(lines)) == len(lines)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files and folders of the kinds that are mistaken for something else."""
    folder = tmp_path_factory.mktemp("place")
    contents: dict[str, bytes] = {
        "a_file": b"text\n",
        "corpus.txt": b"one two three.\n\n" * 50,
        "binary.bin": bytes(range(256)),
        "empty.txt": b"",
        "no.tar": b"text\n" * 100,
        "no.tar.gz": b"text\n",
        "no.tar.zst": b"text\n",
        "of_another_program/bagit.txt": b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n",
        "not_yaml/config.yaml": b": : [",
        "not_text/config.yaml": bytes(range(128, 256)),
        "other_keys/config.yaml": b"model: {d_modle: 3}\n",
        "no_checkpoints/config.yaml": b"{}\n",
        "torn_checkpoint/config.yaml": b"{}\n",
        "torn_checkpoint/checkpoints/best/manifest.json": b'{"files": {',
    }
    for name, content in contents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    (folder / "empty_folder").mkdir()
    return folder


def on_disk(folder: Path) -> dict[str, bytes | None]:
    return {str(path): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def program(name: str) -> Callable[[list[str]], int | None]:
    """The main function behind ``python -m <name>``."""
    if name == "sweeps":
        listing = importlib.import_module("sweeps.__main__").main
        return lambda words: run_command(lambda: listing(words))
    if name == "analysis":
        return importlib.import_module("analysis.__main__").main  # type: ignore[no-any-return]
    if name == "sweeps.cluster":
        return importlib.import_module("sweeps.runner.cluster.command_line").main  # type: ignore[no-any-return]
    if name.startswith("sweeps."):
        main, sweep = importlib.import_module("sweeps.runner.cli").main, importlib.import_module(name).SWEEP
        return lambda words: main(sweep, words)
    module = importlib.import_module("trainable.bounds.__main__" if name == "trainable.bounds" else name)
    return lambda words: run_command(lambda: module.main(words))


@pytest.mark.parametrize(("line", "parts"), CASES, ids=[line for line, _ in CASES])
def test_a_wrong_request_is_told_and_leaves_nothing(
    line: str, parts: list[str], place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def started(*_arguments: object, **_options: object) -> NoReturn:
        raise AssertionError(f"{line} was accepted")

    name, *words = shlex.split(line)
    monkeypatch.chdir(place)
    monkeypatch.setattr("sweeps.runner.cli.drive", started)
    if name == "trainable.train":
        monkeypatch.setattr("trainable.train.Trainer", started)
    before = on_disk(place)
    try:
        code = program(name)(words)
    except SystemExit as left:
        code = left.code  # type: ignore[assignment]
    out, err = capsys.readouterr()
    assert (code, out) == (2, "")
    assert "Traceback" not in err
    assert "error: " in err
    assert [part for part in parts if part not in err] == [], err
    assert on_disk(place) == before


def test_a_damaged_ledger_is_named_with_its_line_and_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from sweeps.lr_ablation import SWEEP
    from sweeps.runner.blueprint import draw_up

    monkeypatch.chdir(tmp_path)
    ledger = Path("results/sweeps") / draw_up(SWEEP, []).directory_name / "ledger.jsonl"
    ledger.parent.mkdir(parents=True)
    damaged = b'{"event": "driver_started", "ti\n{"event": "driver_ended", "time": "2026-03-01T12:00:00+00:00", "status": "finished"}\n'
    ledger.write_bytes(damaged)
    with pytest.raises(SystemExit) as left:
        program("sweeps.lr_ablation")([])
    assert left.value.code == 2
    assert f"{ledger}" in (err := capsys.readouterr().err)
    assert "line 1" in err
    assert ledger.read_bytes() == damaged
    assert not Path("results/runs").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    with pytest.raises(SystemExit) as left:
        program("sweeps.lr_ablation")([f"experiment.results_dir={tmp_path}/locked/results"])
    assert left.value.code == 2
    assert "cannot be written" in capsys.readouterr().err
