r"""Equation numbers: those that a display prints itself, and those that LaTeX counts."""

from __future__ import annotations

import re

import pytest

from symrnn.read.document import read_text
from tests.test_read import check_places, displays


@pytest.mark.parametrize(
    ("text", "latex", "number"),
    [
        (r"a = b \quad (17)", "a = b", "17"),
        (r"a = b\qquad(17)", "a = b", "17"),
        (r"a \hspace{1cm} (A.1) ", "a", "A.1"),
        (r"a \hspace*{1cm}\hfill (1.2a)", "a", "1.2a"),
        (r"a \quad\quad \text{(3)}", "a", "3"),
        (r"a = b, \quad c = d \quad (48)", r"a = b, \quad c = d", "48"),
        (r"a \quad (17).", "a .", "17"),
        (r"a \quad (\star)", "a", None),
        (r"a \quad (17) \label{x}", "a", "17"),
        (r"\begin{aligned} a \end{aligned} \quad (6)", r"\begin{aligned} a \end{aligned}", "6"),
        (r"\begin{aligned} a \quad (6) \end{aligned}", r"\begin{aligned} a  \end{aligned}", "6"),
        ("(47)", "", "47"),
        (r" \quad (47) ", "", "47"),
        (r"\tag{47}", "", "47"),
        (r"a \tag{17}.", "a .", "17"),
        (r"\tag{e01} a", "a", "e01"),
        (r"a \tag*{17'}", "a", "17'"),
        (r"a \tag*{(17)}", "a", "17"),
        (r"a \tag {2.3-a}", "a", "2.3-a"),
        (r"a\tag{if A & $x_{1}$}", "a", None),
        (r"a\tag*{$\blacksquare$}", "a", None),
        (r"\alpha\tag{1}b", r"\alpha b", "1"),
        (r"a \eqno(17)", "a", "17"),
        (r"a \leqno{(17)}", "a", "17"),
        (r"\begin{equation} a \tag{1} \end{equation}", "a", "1"),
        (r"\begin{align} a \tag{1} \\ b \tag{2} \end{align}", r"\begin{align} a  \\ b  \end{align}", "1"),
        (
            r"\begin{align*} a \quad (1) \\ b \quad (2) \end{align*}",
            r"\begin{align*} a  \\ b  \end{align*}",
            "1",
        ),
    ],
)
def test_numbers(text: str, latex: str, number: str | None) -> None:
    assert displays(f"$${text}$$") == [(latex, number)]


@pytest.mark.parametrize(
    "latex",
    [
        "f(17)",
        "a (17)",
        r"a \quad (17) b",
        r"a \quad (n > 1)",
        r"a \quad (k)",
        r"\quadr (17)",
        "(47) + 1",
        "(x)",
        r"a \tagged{1} \eqnox",
        "",
    ],
)
def test_what_is_no_number(latex: str) -> None:
    assert displays(f"$${latex}$$") == [(latex, None)]


TEX = r"""
\newcommand{\x}{X} $$preamble$$
\begin{document}
% $$comment$$ \begin{align}
100\% of $ a $ and \(b\) \verb|$c$| \verb+%+ $d$
\begin{verbatim}
$$e$$ % \end{document}
\end{verbatim}
\begin{equation} f % $$
  = g \end{equation}
\begin{equation*} h \end{equation*}
\[ i \tag{A} \]
\begin{equation} j \tag{B} \end{equation}
\begin{align} k \\ l \nonumber \\ m \label{m} \end{align}
\begin{align} n \notag \\[2pt] o \tag{C} \\ p \end{align}
\begin{align*} q \\ r \end{align*}
\begin{gather} \begin{pmatrix} s \\ t \end{pmatrix} \\ u {\\} v \end{gather}
\begin{multline} w \\ x \end{multline}
\begin{eqnarray} y &=& z \\ \end{eqnarray}
\begin{equation} \notag a \end{equation}
\begin{subequations}
\begin{equation} a \end{equation}
\begin{align} b \\ c \end{align}
\begin{equation} d \end{equation}
\end{subequations}
$$ e $$ \iffalse $$f$$ \fi \begin{displaymath} g \end{displaymath}
\begin{equation} h \end{equation}
\end{document}
$$after$$ $$
"""


def test_tex_numbers_run_as_latex_counts_them() -> None:
    document = read_text(TEX, suffix=".tex")
    check_places(document)
    assert [f.latex for f in document.formulas if not f.display] == ["a", "b", "d"]
    found = [(re.sub(r"\s+|[{}]", "", f.latex), f.number) for f in document.formulas if f.display]
    assert found == [
        ("f=g", "1"),
        ("h", None),
        ("i", "A"),
        ("j", "B"),
        (r"\beginalignk\\l\\m\endalign", "2"),  # and 3
        (r"\beginalignn\\[2pt]o\\p\endalign", "C"),  # and 4
        (r"\beginalign*q\\r\endalign*", None),
        (r"\begingather\beginpmatrixs\\t\endpmatrix\\u\\v\endgather", "5"),  # and 6
        (r"\beginmultlinew\\x\endmultline", "7"),
        (r"\begineqnarrayy&=&z\\\endeqnarray", "8"),  # and 9: the empty row has a number too
        ("a", None),
        ("a", "10a"),
        (r"\beginalignb\\c\endalign", "10b"),
        ("d", "10d"),
        ("e", None),
        ("g", None),
        ("h", "11"),
    ]


def test_verbatim_text_in_a_formula_stays() -> None:
    assert displays(r"\[ \text{\verb|a%b|} \]", ".tex") == [(r"\text{\verb|a%b|}", None)]


def test_tex_without_a_document_environment_is_read_whole() -> None:
    assert displays("$$a$$ \\\\[2pt] \\begin{equation}b\\end{equation}", ".tex") == [("a", None), ("b", "1")]
