"""Where a harness works: one temporary folder with text, data, Ray's files and results, and the command it runs there."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from tests.conftest import corpus_text
from tests.faults.processes import MARK

_REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Driver:
    """A sweep at work in a session of its own."""

    process: "subprocess.Popen[bytes]"
    mark: str
    log: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    def output(self) -> str:
        return self.log.read_text(errors="replace")


class Workplace:
    """`folder` is short, because sockets have short names; everything in it goes with `close`."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="faults-"))
        (self.folder / "tmp").mkdir()
        (self.folder / "corpus.txt").write_text(corpus_text(60))
        self._started = 0

    def close(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def results(self, name: str) -> Path:
        """A folder of its own, so that what lies beside the results is of this run only."""
        return self.folder / name / "results"

    def overrides(self, results: Path) -> list[str]:
        return [f"data.path={self.folder / 'corpus.txt'}", f"data.root={self.folder / 'data'}", f"experiment.results_dir={results}"]

    def start(self, results: Path, more: Sequence[str] = (), module: str = "tests.faults.small_sweep") -> Driver:
        """Runs the sweep as a user would, in another process."""
        results.parent.mkdir(parents=True, exist_ok=True)
        self._started += 1
        mark, log = uuid4().hex, self.folder / f"driver-{self._started}.log"
        temporary = {"TMPDIR": str(self.folder / "tmp"), "RAY_TMPDIR": str(self.folder)}
        one_thread = {"OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
        environment = {**os.environ, **temporary, **one_thread, "PYTHONPATH": str(_REPOSITORY), MARK: mark}
        environment.pop("RAY_ADDRESS", None)
        command = [sys.executable, "-u", "-m", module, *self.overrides(results), *more]
        with open(log, "wb") as output:
            process = subprocess.Popen(
                command, cwd=_REPOSITORY, env=environment, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
            )
        return Driver(process, mark, log)

    def run(self, results: Path, more: Sequence[str] = (), module: str = "tests.faults.small_sweep") -> tuple[int, str]:
        """To its end; exit code and output."""
        driver = self.start(results, more, module)
        try:
            return driver.process.wait(timeout=240), driver.output()
        finally:
            driver.process.kill()
            driver.process.wait()


def ledger_lines(results: Path) -> int:
    """Whole lines of the sweep's ledger; 0 before there is one."""
    return sum(path.read_bytes().count(b"\n") for path in results.glob("sweeps/*/ledger.jsonl"))
