"""The checkout as it stands, uncommitted changes and history included, put where a lab's hosts see it."""

import os
import subprocess
from pathlib import Path

from tests.cluster.boot import USER_ID

ROOT = Path(__file__).resolve().parents[2]
NAME = "transformer-sweeps"


def put_checkout(folder: Path) -> None:
    """Below `folder`, and everything there belongs to the lab's user afterwards."""
    listed = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, capture_output=True, text=True, check=True).stdout.split("\0")
    history = [str(path.relative_to(ROOT)) for path in (ROOT / ".git").rglob("*") if path.is_file()]
    files = "\0".join([*(name for name in names if name and (ROOT / name).is_file()), *history])
    copy = ["rsync", "-a", "--files-from=-", "--from0", f"{ROOT}/", f"{folder / NAME}/"]
    subprocess.run(copy, input=files, text=True, check=True, capture_output=True)
    for path in [folder, *folder.rglob("*")]:
        os.chown(path, USER_ID, USER_ID, follow_symlinks=False)
