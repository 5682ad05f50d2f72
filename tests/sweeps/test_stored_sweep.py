"""A whole sweep whose workers keep their runs at a storage: a real Ray, a real S3 server."""

import shutil
from collections.abc import Iterator

import pytest

from tests.faults.outcome import early_difference, read_outcome
from tests.faults.small_sweep import SWEEP
from tests.faults.without_ray import run_here
from tests.faults.workplace import Workplace
from trainable.spec.storage.arrow_store import open_arrow
from trainable.spec.storage.snapshot import snapshots


@pytest.fixture
def workplace() -> Iterator[Workplace]:
    made = Workplace()
    yield made
    made.close()


@pytest.mark.slow
@pytest.mark.ray
def test_it_is_what_it_is_in_a_folder_and_what_was_lost_here_is_brought_again(workplace: Workplace, bucket: str) -> None:
    whole, stored = workplace.results("whole"), workplace.results("stored")
    more = ["scheduler=asha", "--storage", bucket]
    run_here(SWEEP, workplace.overrides(whole))
    code, printed = workplace.run(stored, more)
    assert (code, "Traceback" in printed) == (0, False), printed
    undisturbed, found = read_outcome(whole), read_outcome(stored)
    assert not early_difference(undisturbed, found), early_difference(undisturbed, found)
    assert {row["status"] for row in found.trials.values()} == {"completed", "stopped_early", "diverged"}
    names = [name.partition("/") for name in open_arrow(bucket).sizes()]
    assert len({sweep for sweep, _, _ in names}) == 1
    runs = {rest.partition("/")[0] for _, _, rest in names}
    assert runs == {path.name for path in (stored / "runs").iterdir()}
    assert all(snapshots(rest.partition("/")[2] for _, _, rest in names if rest.startswith(run))[0].last for run in runs)

    shutil.rmtree(stored / "runs")
    code, printed = workplace.run(stored, more)
    assert code == 0, printed
    assert "nothing is missing" in printed
    again = read_outcome(stored)
    assert (again.rows, again.weights) == (found.rows, found.weights)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--storage", "s3://nobody.has.this.bucket/x"], "resources.storage=s3://nobody.has.this.bucket/x cannot be written"),
        (["--storage", "s3://key:secret@bucket/x"], "resources.storage must not hold credentials"),
        (["--storage", "s3:///x"], "names no bucket"),
        (["resources.storage=results"], "resources.storage=results must be a URL"),
        (["experiment.results_dir=s3://bucket/x"], "runs are kept at a URL by resources.storage"),
        (["--storage", "ftp://bucket/x"], "kind of place"),
    ],
)
def test_a_storage_that_cannot_be_is_refused_before_anything_starts(
    workplace: Workplace, bucket: str, arguments: list[str], sentence: str
) -> None:
    code, printed = workplace.run(workplace.results("refused"), arguments)
    assert code == 2, printed
    assert sentence in printed
    assert "Traceback" not in printed
