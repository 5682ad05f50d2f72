"""Every page of a sweep: RESULTS.md, those of its runs, and its entry in the experiment log."""

from functools import partial

from analysis.report import log_entry, log_file
from analysis.report.evidence import Evidence
from analysis.report.results import results_page
from analysis.report.run_pages import write_run_pages
from trainable.spec.atomic_write import write_text


def write_pages(evidence: Evidence) -> list[str]:
    """Writes them all; returns notes on what could not be written beside RESULTS.md. Raises OSError when that could not be."""
    notes = write_run_pages(evidence)
    directory = evidence.sweep.directory
    write_text(directory.results, results_page(evidence))
    log = log_file.log_path(directory)
    try:
        log_file.write_entry(log, directory.path.name, partial(log_entry.entry, evidence), partial(log_entry.row, evidence))
    except (OSError, UnicodeDecodeError) as error:
        notes.append(f"{log} could not be written: {error}")
    return notes
