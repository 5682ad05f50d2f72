"""The analysis stands alone: it reads files, and never pulls in what trained them."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in (ROOT / "analysis").rglob("*.py")
)


def test_no_module_of_the_analysis_pulls_in_torch_ray_or_wandb() -> None:
    assert {"analysis.__main__", "analysis.report.conclusion", "analysis.figures.registry"} <= set(MODULES)
    code = (
        f"import sys\nfor name in {MODULES!r}: __import__(name)\n"
        "print(sorted({m.split('.')[0] for m in sys.modules} & {'torch', 'ray', 'wandb', 'optuna', 'bitsandbytes', 'sweeps'}))\n"
        "print('matplotlib.pyplot' in sys.modules)\n"
        "print(sorted(m for m in sys.modules if m.startswith('trainable.') and not m.startswith('trainable.spec')))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:3] == ["[]", "False", "[]"]
