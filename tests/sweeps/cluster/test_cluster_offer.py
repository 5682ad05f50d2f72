"""What a cluster file offers, and what it costs."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from sweeps.runner.cluster.description import Cluster
from sweeps.runner.cluster.offer import Offer, offer_of
from sweeps.runner.cluster.providers import local
from sweeps.runner.cluster.teardown import worker_stops
from trainable.spec.config import ResourcesConfig

SHIPPED: dict[str, Any] = yaml.safe_load((Path(__file__).resolve().parents[3] / "cluster.yaml").read_text())
GIVEN = local(Cluster(addresses=("10.0.0.1", "10.0.0.2", "10.0.0.3"), cpus_per_node=8, price_usd=0.5, private_key="/key"))


def test_the_shipped_file_offers_its_gpus_at_their_list_price() -> None:
    offer = offer_of(SHIPPED)
    assert (offer.nodes, offer.gpus, offer.cpus) == (9, 8.0, None)
    assert offer.price_usd == pytest.approx(0.192 + 8 * 1.006)
    assert offer.slots(ResourcesConfig(gpus_per_trial=1)) == 8
    assert offer.slots(ResourcesConfig(gpus_per_trial=2)) == 4
    assert offer.slots(ResourcesConfig(gpus_per_trial=0.5)) == 16
    assert offer.slots(ResourcesConfig()) is None
    assert offer.line(3600).startswith("cost     about 8.24 USD")
    assert offer.line(1).startswith("cost     less than 0.01 USD")


def test_given_machines_say_their_cpus_and_their_price() -> None:
    offer = offer_of(GIVEN)
    assert offer == Offer(3, 24.0, 0.0, 1.5)
    assert offer.slots(ResourcesConfig(cpus_per_trial=4)) == 6


def test_a_price_that_is_not_said_is_not_made_up() -> None:
    offer = offer_of(local(Cluster(addresses=("10.0.0.1", "10.0.0.2"))))
    assert offer == Offer(2, None, 0.0, None)
    assert "unknown" in offer.line(3600)


def test_given_machines_are_stopped_one_by_one_and_clouds_end_their_own() -> None:
    stops = worker_stops(GIVEN)
    assert list(stops) == ["10.0.0.2", "10.0.0.3"]
    assert stops["10.0.0.2"][-2:] == ["ubuntu@10.0.0.2", "source ~/.sweeps_env; ray stop"]
    assert worker_stops(SHIPPED) == {}
