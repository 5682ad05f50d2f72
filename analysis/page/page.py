"""``report.html``: a sweep as one file that needs no other and no network: verdicts, figures that answer each other, every trial."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from analysis.amendments import changes, written
from analysis.compare import CellSummary, compare, counted_seeds
from analysis.page import interval_plot
from analysis.page.document import SYMBOLS, embedded, library, own_script, policy, style, template
from analysis.page.page_data import page_data, shown_rows
from analysis.report import overview
from analysis.report.cells import EXPLANATION, HEADER, row_of, statuses
from analysis.study import Study, short_names, shown
from analysis.verdict import Verdict, verdicts
from trainable.spec.atomic_write import write_text
from trainable.spec.sweep_dir import SweepDir


@dataclass(frozen=True)
class Judged:
    """What the page says of the claims and of the confirmed cells."""

    verdicts: Sequence[Verdict]
    cells: Sequence[CellSummary]

    @classmethod
    def of(cls, study: Study) -> "Judged":
        return cls(verdicts(study.statement, study.rows), compare(study.statement, study.rows))


def write_page(study: Study, directory: SweepDir, files: Sequence[Path] = (), judged: Judged | None = None) -> Path:
    """Writes the page of `study` into `directory`, with links to those of `files` that lie below it.

    `judged` is given where it is known already, since it takes longer than all the rest. Raises OSError.
    """
    links = sorted(file.relative_to(directory.path).as_posix() for file in files if file.is_relative_to(directory.path))
    write_text(directory.page, report_html(study, links, judged))
    return directory.page


def report_html(study: Study, links: Sequence[str] = (), judged: Judged | None = None) -> str:
    """The page as text: the same study and links give the same bytes."""
    scripts = [library(), own_script()]
    statement, judged = study.statement, judged or Judged.of(study)
    page: str = template("report.html").render(
        statement=statement,
        policy=policy(scripts),
        style=style(),
        scripts=[Markup(script) for script in scripts],
        data=embedded(page_data(study)),
        facts=_facts(study),
        verdicts=[_told(verdict, study) for verdict in judged.verdicts],
        header=HEADER,
        explanation=EXPLANATION,
        cells=_cell_rows(study, judged.cells),
        trials=len(study.rows),
        carried=len(shown_rows(study)),
        links=_grouped(links),
    )
    return page


def _facts(study: Study) -> list[tuple[str, str]]:
    statement, names = study.statement, short_names(study.statement.varied)
    seeds = f"the seeds {', '.join(map(str, counted_seeds(statement, study.rows)))}"
    how = f"explored on seed {statement.explore_seed}, confirmed on {seeds}" if statement.explores else f"every cell on {seeds}"
    facts = [
        ("Hypothesis", statement.hypothesis or "(none was written down)"),
        ("Written down", written(statement, "hypothesis")),
        *(("Amendment", sentence) for sentence in changes(statement)),
        ("Trials", statuses(study.rows)),
        ("Date", overview.dates(study.rows)),
        *((f"Varied: {names[key]}", overview.tried_values(study.rows, key)) for key in statement.varied),
        ("Baseline", ", ".join(f"{names.get(key, key)} = {shown(value)}" for key, value in statement.baseline_values.items())),
        ("Full run", f"{statement.max_steps:,} steps; {how}"),
    ]
    return [(name, text) for name, text in facts if text]


def _told(verdict: Verdict, study: Study) -> dict[str, Any]:
    cell = study.cells.get(verdict.cell or "")
    about = cell.title if cell else verdict.subject
    outcome = str(verdict.outcome)
    return {"verdict": verdict, "symbol": SYMBOLS[outcome], "outcome": outcome, "about": about, "plot": interval_plot.of_verdict(verdict)}


def _grouped(links: Sequence[str]) -> dict[str, list[tuple[str, str]]]:
    """The forms of each file under its name: ``figures/contour`` -> [("pdf", "figures/contour.pdf"), ...]."""
    found: dict[str, list[tuple[str, str]]] = {}
    for link in links:
        name, _, form = link.rpartition(".")
        found.setdefault(name, []).append((form, link))
    return found


def _cell_rows(study: Study, cells: Sequence[CellSummary]) -> list[dict[str, Any]]:
    """The confirmed cells as `HEADER` has them, each with its interval and its number among all cells."""
    plots, numbers = interval_plot.of_cells(cells), {cell: number for number, cell in enumerate(study.cells)}
    return [{"texts": row_of(cell, study.cells), "plot": plots.get(cell.cell), "number": numbers[cell.cell]} for cell in cells]
