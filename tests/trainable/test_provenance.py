"""Where a result comes from: the commit and everything that the sources had beside it."""

import json
import shutil
import subprocess
from pathlib import Path

import trainable.provenance

ROOT = Path(trainable.provenance.__file__).resolve().parents[1]
SOURCES = ("trainable/__init__.py", "trainable/provenance.py", "trainable/spec/__init__.py", "trainable/spec/code_version.py")
MINE = '"""My own sweep, which git does not know: ü."""\n\nSEEDS = [1, 2, 3]\n'


def git(folder: Path, *arguments: str, given: str | None = None) -> None:
    who = ("-c", "user.name=somebody", "-c", "user.email=somebody@example.org")
    subprocess.run(["git", *who, *arguments], cwd=folder, input=given, text=True, check=True, capture_output=True)


def test_a_sweep_that_git_does_not_know_yet_is_in_the_diff_and_comes_out_of_it_again(tmp_path: Path, python: str) -> None:
    project = tmp_path / "project"
    for name in SOURCES:
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, project / name)
    git(project, "init", "--quiet")
    git(project, "add", ".")
    git(project, "commit", "--quiet", "--message", "the project")
    (project / "sweeps").mkdir()
    (project / "sweeps" / "mine.py").write_text(MINE, encoding="utf-8")
    told = "import json; from trainable.provenance import provenance; print(json.dumps(provenance()['git']))"
    done = subprocess.run([python, "-c", told], cwd=project, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    git(tmp_path, "clone", "--quiet", "project", "again")
    git(tmp_path / "again", "checkout", "--quiet", found["commit"])
    git(tmp_path / "again", "apply", "-", given=found["diff"] + "\n")
    assert (tmp_path / "again" / "sweeps" / "mine.py").read_text(encoding="utf-8") == MINE
