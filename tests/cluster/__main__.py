"""The long form: ``python -m tests.cluster [--s3] [--faults a,b]``, each fault in a sweep of its own, compared with an undisturbed one."""

import argparse
import signal
import sys
import time

from tests.cluster.faults import FAULTS, STORED_FAULTS
from tests.cluster.launched import NODES, LaunchedCluster
from tests.cluster.s3_host import start_s3
from tests.cluster.setting_up import launched, refusal
from tests.cluster.watched import StoredSweep, WatchedSweep
from tests.faults.outcome import Difference, difference, read_outcome


def compare(cluster: LaunchedCluster, name: str, undisturbed: WatchedSweep, storage: str | None) -> Difference:
    """One fault in one sweep, whose runs are kept at `storage` if that is given."""
    cluster.await_nodes(NODES, patience_seconds=180)
    sweep = StoredSweep(cluster, name, storage) if storage else WatchedSweep(cluster, name)
    sweep.start()
    STORED_FAULTS[name](cluster, sweep)
    sweep.await_end()
    return difference(read_outcome(undisturbed.results), read_outcome(sweep.results))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.cluster", description=__doc__)
    parser.add_argument("--s3", action="store_true", help="the disturbed sweeps keep their runs at an S3 server")
    parser.add_argument("--faults", help=f"comma-separated of {', '.join(STORED_FAULTS)}; without it all")
    given = parser.parse_args()
    names = given.faults.split(",") if given.faults else list(STORED_FAULTS if given.s3 else FAULTS)
    if reason := refusal():
        print(reason, file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # a polite kill leaves nothing either
    failed = []
    with launched() as cluster:
        undisturbed = WatchedSweep(cluster, "undisturbed")
        undisturbed.run()
        storage = start_s3(cluster.lab) if given.s3 else None
        for name in names:
            begin = time.monotonic()
            try:
                found: object = compare(cluster, name, undisturbed, storage)
            except (RuntimeError, AssertionError) as error:
                found = error
            print(f"{name}: {found or 'the same to the last bit'} ({time.monotonic() - begin:.0f} s)", flush=True)
            failed += [name] if found else []
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
