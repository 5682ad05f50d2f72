"""Every command of ``python -m analysis`` by name: a new one is a file and a line here."""

from analysis.commands.command import Command
from analysis.commands.compare import COMPARE
from analysis.commands.figures import FIGURES_COMMAND
from analysis.commands.report import REPORT
from analysis.commands.summarize import SUMMARIZE
from analysis.commands.tables import TABLES_COMMAND

COMMANDS: dict[str, Command] = {
    "summarize": SUMMARIZE,
    "compare": COMPARE,
    "figures": FIGURES_COMMAND,
    "tables": TABLES_COMMAND,
    "report": REPORT,
}
