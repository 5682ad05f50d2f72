"""The page on tracking a loop of one's own: its programs run as they stand there, one after the other."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/howto/own-loop.md"


def test_the_programs_of_the_page_run_and_tell_what_was_logged(tmp_path: Path, python: str) -> None:
    tracking, comparing, runs = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    printed = []
    for program in (tracking, comparing):
        done = subprocess.run(
            [python, "-W", "error", "-c", program], cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        printed.append(done.stdout)
    assert "Gradient steps:   3" in printed[0]
    assert "| baseline_tinystories | 2.0000 | **2.2000** | 2.2000 |" in printed[1]
    assert (tmp_path / "curves.csv").read_text().count("\n") == 1 + 3
    compile(runs, str(PAGE), "exec")
