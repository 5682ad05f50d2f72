"""Shared by all tests: one thread for torch, a small corpus, and a tiny run that trains in a second."""

import os
import socket
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("WANDB_MODE", "offline")

WORDS = "the sweep ends in a verdict that somebody else can check and nothing that was computed is ever lost".split()


def corpus_text(documents: int) -> str:
    """Documents of a small language with some structure to learn."""
    lines = (" ".join(WORDS[(i * 7 + j * j) % len(WORDS)] for j in range(40)) for i in range(documents))
    return "\n\n".join(f"{line}." for line in lines)


@pytest.fixture(scope="session")
def corpus_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("corpus") / "corpus.txt"
    path.write_text(corpus_text(60))
    return path


@pytest.fixture(scope="session")
def data_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Prepared data sets, shared by all tests of a session."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture
def tiny_overrides(corpus_file: Path, data_root: Path) -> Callable[..., list[str]]:
    """Overrides of a run that takes a fraction of a second: a micro model on a small corpus, no pictures, no wandb."""

    def overrides(*more: str, results: Path | None = None) -> list[str]:
        base = [
            "model=micro",
            "data=text",
            f"data.path={corpus_file}",
            f"data.root={data_root}",
            "data.vocab_size=300",
            "data.val_fraction=0.2",
            "data.test_fraction=0.2",
            "training.max_steps=12",
            "training.batch_size=4",
            "training.eval_interval=4",
            "training.eval_batches=2",
            "training.test_batches=2",
            "training.log_interval=2",
            "training.num_threads=1",
            "tracking.wandb=off",
            "tracking.plots=false",
        ]
        return [*base, *([f"experiment.results_dir={results}"] if results else []), *more]

    return overrides


@pytest.fixture
def python() -> str:
    """The interpreter that runs the tests, for commands in a new process."""
    return sys.executable


@pytest.fixture(scope="session")
def s3_address() -> Iterator[str]:
    """A server that speaks S3, really running in this process; moto's own warnings are not ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        from moto.server import ThreadedMotoServer
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False)
    server.start()
    yield f"http://127.0.0.1:{port}"
    server.stop()


@pytest.fixture
def bucket(s3_address: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    """The URI of a new bucket; credentials and address stand in the environment and nowhere else."""
    import boto3

    for name, value in {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL": s3_address,
    }.items():
        monkeypatch.setenv(name, value)
    name = f"bucket{abs(hash(request.node.name))}"
    boto3.client("s3").create_bucket(Bucket=name)
    return f"s3://{name}/research"
