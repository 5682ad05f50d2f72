"""The long form: ``python -m tests.cluster [--faults a,b]``, each fault in a sweep of its own, compared with an undisturbed one."""

import argparse
import signal
import sys
import time

from tests.cluster.faults import FAULTS
from tests.cluster.launched import LaunchedCluster
from tests.cluster.setting_up import launched, refusal
from tests.cluster.watched import WatchedSweep
from tests.faults.outcome import Difference, difference, read_outcome


def compare(cluster: LaunchedCluster, name: str, undisturbed: WatchedSweep) -> Difference:
    """One fault in one sweep."""
    cluster.await_nodes(["head", "w1", "w2"], patience_seconds=180)
    sweep = WatchedSweep(cluster, name)
    sweep.start()
    FAULTS[name](cluster, sweep)
    sweep.await_end()
    return difference(read_outcome(undisturbed.results), read_outcome(sweep.results))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.cluster", description=__doc__)
    parser.add_argument("--faults", default=",".join(FAULTS), help="comma-separated; without it all")
    names = parser.parse_args().faults.split(",")
    if reason := refusal():
        print(reason, file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # a polite kill leaves nothing either
    failed = []
    with launched() as cluster:
        undisturbed = WatchedSweep(cluster, "undisturbed")
        undisturbed.run()
        for name in names:
            begin = time.monotonic()
            try:
                found: object = compare(cluster, name, undisturbed)
            except (RuntimeError, AssertionError) as error:
                found = error
            print(f"{name}: {found or 'the same to the last bit'} ({time.monotonic() - begin:.0f} s)", flush=True)
            failed += [name] if found else []
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
