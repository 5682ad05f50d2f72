"""Every command of ``python -m analysis`` by name: a new one is a file and a line here."""

from analysis.commands.aggregate import AGGREGATE
from analysis.commands.archive import ARCHIVE
from analysis.commands.backup import BACKUP
from analysis.commands.check import CHECK
from analysis.commands.command import Command
from analysis.commands.compare import COMPARE
from analysis.commands.figures import FIGURES_COMMAND
from analysis.commands.find import FIND
from analysis.commands.notebook import NOTEBOOK
from analysis.commands.report import REPORT
from analysis.commands.reproduce import REPRODUCE
from analysis.commands.restore import RESTORE
from analysis.commands.serve import SERVE
from analysis.commands.summarize import SUMMARIZE
from analysis.commands.tables import TABLES_COMMAND
from analysis.commands.verify import VERIFY

COMMANDS: dict[str, Command] = {
    "summarize": SUMMARIZE,
    "compare": COMPARE,
    "figures": FIGURES_COMMAND,
    "tables": TABLES_COMMAND,
    "report": REPORT,
    "serve": SERVE,
    "notebook": NOTEBOOK,
    "check": CHECK,
    "archive": ARCHIVE,
    "verify": VERIFY,
    "restore": RESTORE,
    "backup": BACKUP,
    "reproduce": REPRODUCE,
    "aggregate": AGGREGATE,
    "find": FIND,
}
