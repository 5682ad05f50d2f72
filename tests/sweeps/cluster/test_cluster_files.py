"""Cluster files: what is shipped is what the description gives, Ray takes them, and nothing in them is open that need not be."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from ray.autoscaler._private.util import fillout_defaults, validate_config

from sweeps.runner.cluster.command_line import main
from trainable.spec.mistakes import EXIT_DONE, EXIT_WRONG_REQUEST

ROOT = Path(__file__).resolve().parents[3]
LOCAL = ["--provider", "local", "--head", "10.0.0.1", "--workers", "10.0.0.2,10.0.0.3", "--user", "me", "--price", "0.5"]
GCP = ["--provider", "gcp", "--project-id", "my-project"]


def printed(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = EXIT_DONE) -> str:
    with pytest.raises(SystemExit) as left:
        main(arguments)
    assert left.value.code == code
    out, err = capsys.readouterr()
    return err if code else out


def rendered(capsys: pytest.CaptureFixture[str], options: Sequence[str]) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(printed(capsys, "render", *options))
    return found


def test_the_shipped_file_is_what_the_description_gives(capsys: pytest.CaptureFixture[str]) -> None:
    assert yaml.safe_load((ROOT / "cluster.yaml").read_text()) == rendered(capsys, [])


@pytest.mark.parametrize("options", [[], LOCAL, GCP], ids=["aws", "local", "gcp"])
def test_ray_takes_the_file(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    validate_config(fillout_defaults(rendered(capsys, options)))


@pytest.mark.parametrize("options", [[], LOCAL, GCP], ids=["aws", "local", "gcp"])
def test_the_token_travels_and_only_the_head_sees_its_dashboard(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    found = rendered(capsys, options)
    assert found["file_mounts"]["~/.ray/auth_token"] == "~/.ray/auth_token"
    assert any("RAY_AUTH_MODE=token" in line for line in found["setup_commands"])
    start = next(line for line in found["head_start_ray_commands"] if "ray start" in line)
    assert "--dashboard-host=127.0.0.1" in start
    assert "0.0.0.0" not in yaml.safe_dump(found)
    if "--provider" not in options:
        assert any("requirements-frozen.txt" in line for line in found["setup_commands"])


def test_spot_machines_come_first_and_idle_ones_go(capsys: pytest.CaptureFixture[str]) -> None:
    found = rendered(capsys, ["--machine", "p5.48xlarge", "--gpus", "8", "--price", "55.04", "--max-workers", "2", "--idle-minutes", "5"])
    types = found["available_node_types"]
    assert types["head"]["resources"]["CPU"] == 0
    assert types["gpu_spot"]["node_config"]["InstanceMarketOptions"] == {"MarketType": "spot"}
    assert types["gpu_spot"]["priority"] > types["gpu_on_demand"]["priority"]
    assert types["gpu_on_demand"]["labels"] == {"price-per-hour-usd": "55.04"}
    assert (found["max_workers"], found["idle_timeout_minutes"]) == (2, 5)


def test_without_a_shared_folder_none_is_mounted_and_workers_may_reach_the_storage(capsys: pytest.CaptureFixture[str]) -> None:
    found = rendered(capsys, ["--no-shared", "--instance-profile", "sweeps"])
    assert found["initialization_commands"] == []
    assert "/mnt/shared" not in yaml.safe_dump(found)
    profiles = {name: kind["node_config"].get("IamInstanceProfile") for name, kind in found["available_node_types"].items()}
    assert profiles == {"head": None, "gpu_spot": {"Name": "sweeps"}, "gpu_on_demand": {"Name": "sweeps"}}


def test_a_machine_without_a_known_price_has_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert "labels" not in rendered(capsys, ["--machine", "g6.xlarge"])["available_node_types"]["gpu_spot"]


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["render", "--idle-minutes", "0", "--shared", "x", "--min-workers", "9"], ["--idle-minutes 0", "--shared x", "--min-workers 9"]),
        (["render", "--provider", "local", "--workers", "a,a"], ["'a' is no IP address", "stands twice"]),
        (["render", "--provider", "local"], ["--head is missing"]),
        (["render", "--provider", "gcp", "--instance-profile", "x"], ["--project-id is missing", "--instance-profile x"]),
        (["slurm", "lr_ablaton", "--nodes", "0"], ["did you mean 'lr_ablation'", "--nodes 0"]),
        (["slurm", "lr_ablation", "--address", "auto"], ["--address is the script's own"]),
    ],
)
def test_every_mistake_is_told_at_once(arguments: list[str], parts: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    told = printed(capsys, *arguments, code=EXIT_WRONG_REQUEST)
    assert all(part in told for part in parts), told
