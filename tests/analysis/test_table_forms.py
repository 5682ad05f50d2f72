"""The forms of a table: what is written can be read back, whatever the texts hold."""

import csv
import io
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.tables.csv_form import csv_form
from analysis.tables.latex_form import escaped, latex_form
from analysis.tables.markdown_form import markdown_form
from analysis.tables.table import Entry, Numbers, Table, best_of

TABLE = Table(
    caption="Loss & more: 100 % of it.",
    header=["configuration", "Validation loss (nats/token)", "Δ"],
    rows=[
        [Entry("lr = 3e-4 (baseline)"), Entry("6.62 ± 0.08"), Entry("–")],
        [Entry("adam_8bit | x"), Entry("5.19 ± 0.07", best=True, mark="vacuous"), Entry("-21.6%")],
    ],
    footnotes={"vacuous": "No better than guessing."},
)
texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=12)


def test_markdown_in_full() -> None:
    assert markdown_form(TABLE, "x") == (
        "Loss & more: 100 % of it.\n\n"
        "| configuration | Validation loss (nats/token) | Δ |\n"
        "| --- | --- | --- |\n"
        "| lr = 3e-4 (baseline) | 6.62 ± 0.08 | – |\n"
        "| adam_8bit \\| x | **5.19 ± 0.07** † | -21.6% |\n\n"
        "† No better than guessing.\n"
    )


def test_latex_in_full() -> None:
    assert latex_form(TABLE, "lr_ablation:results") == (
        "% \\usepackage{booktabs,graphicx}\n"
        "\\begin{table}[t]\n"
        "\\centering\n"
        "\\caption{Loss \\& more: 100 \\% of it.}\n"
        "\\label{tab:lr-ablation:results}\\par\\medskip\n"
        "\\resizebox{\\ifdim\\width>\\linewidth\\linewidth\\else\\width\\fi}{!}{%\n"
        "\\begin{tabular}{lrr}\n"
        "\\toprule\n"
        "configuration & \\shortstack[r]{Validation loss\\\\(nats/token)} & $\\Delta$ \\\\\n"
        "\\midrule\n"
        "lr = 3e-4 (baseline) & 6.62 $\\pm$ 0.08 & -- \\\\\n"
        "adam\\_8bit $|$ x & \\textbf{5.19 $\\pm$ 0.07}\\textsuperscript{$\\dagger$} & $-$21.6\\% \\\\\n"
        "\\bottomrule\n"
        "\\end{tabular}}\n"
        "\\par\\smallskip{\\footnotesize $\\dagger$ No better than guessing.}\n"
        "\\end{table}\n"
    )


def test_sentences_in_the_first_column_break_lines() -> None:
    table = Table("c", ["claim", "p"], [[Entry("word " * 20), Entry("0.01")]])
    assert "\\begin{tabular}{p{0.5\\linewidth}r}" in latex_form(table, "x")


@pytest.mark.parametrize(
    ("text", "latex"),
    [
        ("a_b & c% #1 {x} $y", r"a\_b \& c\% \#1 \{x\} \$y"),
        ("C:\\new~^", r"C:\textbackslash{}new\textasciitilde{}\textasciicircum{}"),
        ("-3 [-4.5, 1e-5] mid-2 -x", "$-$3 [$-$4.5, 1e-5] mid-2 -x"),
        ("β₁ ≤ 1 × 2", r"$\beta$₁ $\leq$ 1 $\times$ 2"),
        ("two\n lines", "two lines"),
    ],
)
def test_texts_as_latex(text: str, latex: str) -> None:
    assert escaped(text) == latex


@settings(max_examples=60)
@given(texts)
def test_no_text_can_end_a_cell_a_row_or_a_group(text: str) -> None:
    bare = re.sub(r"\\(textbackslash|textasciitilde|textasciicircum|dots)\{\}", "", escaped(text))
    bare = re.sub(r"\$\\?[A-Za-z<>|−-]+\$", "", bare)
    bare = re.sub(r"\\[&%$#_{}]", "", bare)
    assert not set(bare) & set("\\&%$#_{}~^")


@settings(max_examples=60)
@given(st.lists(st.tuples(texts, st.none() | st.integers() | st.floats(allow_nan=False) | texts), min_size=1, max_size=5))
def test_csv_gives_every_number_and_text_back(rows: list[tuple[str, Any]]) -> None:
    table = Table("c", ["a", "b"], [], numbers=Numbers(["name", "value"], rows))
    read = list(csv.reader(io.StringIO(csv_form(table, "x"), newline="")))
    assert read[0] == ["name", "value"]
    for (name, value), (read_name, field) in zip(rows, read[1:], strict=True):
        assert read_name == name
        assert field == "" if value is None else type(value)(field) == value


def test_csv_of_texts_says_the_marks_in_words() -> None:
    assert csv_form(TABLE, "x").splitlines()[2] == "adam_8bit | x,5.19 ± 0.07 (vacuous),-21.6%"


def test_best() -> None:
    values = {"a": 2.0, "b": 1.0, "c": 1.0, "d": None}
    assert best_of(values, higher_is_better=False) == {"b", "c"}
    assert best_of(values, higher_is_better=True) == {"a"}
    assert best_of({"a": 1.0, "b": 1.0}, higher_is_better=False) == frozenset()
    assert best_of({}, higher_is_better=False) == frozenset()
