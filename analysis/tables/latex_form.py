r"""A table as LaTeX with booktabs' rules, to be \input into a paper; every text is escaped."""

import re

from analysis.tables.table import Entry, Table

_ESCAPES = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{character: f"\\{character}" for character in "&%$#_{}"},
    **{character: f"${character}$" for character in "<>|"},
    "±": r"$\pm$",
    "×": r"$\times$",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
    "−": "$-$",
    "Δ": r"$\Delta$",
    "–": "--",
    "—": "---",
    "…": r"\dots{}",
    '"': "''",
    **{sign: f"$\\{name}$" for sign, name in zip("†‡§¶", ("dagger", "ddagger", "mathsection", "mathparagraph"), strict=True)},
    **{
        letter: f"$\\{name}$"
        for letter, name in zip(
            "αβγδεζηθκλμνξπρστφχψω",
            "alpha beta gamma delta varepsilon zeta eta theta kappa lambda mu nu xi pi rho sigma tau varphi chi psi omega".split(),
            strict=True,
        )
    },
}
_LONGEST_NAME = 70
_UNIT = re.compile(r"(.+) (\([^()]+\))")
# A hyphen before a digit, at the start of a word, is a minus.
_MINUS = re.compile(r"(?<![\w.])-(?=\d)")


def escaped(text: str) -> str:
    """`text` as LaTeX prints it, whatever it holds; on one line."""
    return "".join(_ESCAPES.get(character, character) for character in _MINUS.sub("−", " ".join(text.split())))


def latex_form(table: Table, label: str) -> str:
    r"""A ``table`` environment, scaled down where it is wider than the line; it needs booktabs and graphicx in the preamble."""
    signs = table.symbols
    lines = [
        r"% \usepackage{booktabs,graphicx}",
        r"\begin{table}[t]",
        r"\centering",
        rf"\caption{{{escaped(table.caption)}}}",
        rf"\label{{tab:{_identifier(label)}}}\par\medskip",
        r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%",
        rf"\begin{{tabular}}{{{_first_column(table)}{'r' * (len(table.header) - 1)}}}",
        r"\toprule",
        _line([_title(title) for title in table.header]),
        r"\midrule",
        *(_line([_text(entry, signs) for entry in row]) for row in table.rows),
        r"\bottomrule",
        r"\end{tabular}}",
        *(rf"\par\smallskip{{\footnotesize {escaped(sign)} {escaped(table.footnotes[mark])}}}" for mark, sign in signs.items()),
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _first_column(table: Table) -> str:
    """Names as they are; sentences in a column that breaks lines."""
    longest = max((len(row[0].text) for row in table.rows), default=0)
    return "l" if longest <= _LONGEST_NAME else r"p{0.5\linewidth}"


def _title(title: str) -> str:
    """The unit below what it is the unit of."""
    match = _UNIT.fullmatch(title)
    return rf"\shortstack[r]{{{escaped(match[1])}\\{escaped(match[2])}}}" if match else escaped(title)


def _line(entries: list[str]) -> str:
    return " & ".join(entries) + r" \\"


def _text(entry: Entry, signs: dict[str, str]) -> str:
    text = escaped(entry.text)
    return (rf"\textbf{{{text}}}" if entry.best else text) + (rf"\textsuperscript{{{escaped(signs[entry.mark])}}}" if entry.mark else "")


def _identifier(label: str) -> str:
    """Characters that a label may have in any package."""
    return re.sub(r"[^A-Za-z0-9:.-]+", "-", label)
